-- 41: compiled code holds pointers to C structures, and a finalizer may run it when these have been
-- finalized themselves.
local child = require "child"
local needs = require "needs"

describe("hazard 41: at the end of a state a finalizer", function()
  -- Then everything is finalized, the younger before the elder; the finalizer is the eldest's.
  -- MAKE sets `use`.
  local function at_close(make)
    return child.run(([[
      local lbpf = require "lbpf"
      local use
      local function finalizer()
        pcall(use)
        io.write("used")
      end
      if newproxy then
        anchor = newproxy(true)
        getmetatable(anchor).__gc = finalizer
      else
        anchor = setmetatable({}, {__gc = finalizer})
      end
      local object = assert(lbpf.open("build/bpf/compiled.bpf.o"))
      for prog in object:each_program() do
        prog:set_autoload(false)
      end
      assert(object:load())
      %s
    ]]):format(make))
  end

  it("may step a walk that was finalized", needs("root", function()
    assert.same({"used", 0}, {at_close [[
      local map = object.maps.u32
      map:update(1, 2)
      map:update(2, 3)
      use = map:pairs()
      use()
    ]]})
  end))

  it("may look up in a map that was finalized", needs("root", function()
    assert.same({"used", 0}, {at_close [[
      local map = object.maps.u32
      local lookup, update = map.lookup, map.update
      function use()
        update(map, 1, 2)
        return lookup(map, 1)
      end
      for _ = 1, 100 do
        use()
      end
    ]]})
  end))

  it("may read a variable of a list that was finalized", needs("root", function()
    assert.same({"used", 0}, {at_close [[
      local vars = object.vars
      local read = debug.getmetatable(vars).__index
      function use()
        return read(vars, "var_flag")
      end
      for _ = 1, 100 do
        use()
      end
    ]]})
  end))
end)
