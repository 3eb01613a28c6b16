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

  it("is told that a walk is over, also if it was not at its end", needs("root", function()
    local out, status = at_close [[
      object = assert(lbpf.open("build/bpf/compiled.bpf.o"))
      for prog in object:each_program() do
        prog:set_autoload(false)
      end
      assert(object.maps.u32:set_value_size(60000)) -- so a walk reads few elements at once
      assert(object:load())
      for i = 1, 8 do
        assert(object.maps.u32:update(i, ("x"):rep(60000)))
      end
      local step = object.maps.u32:pairs()
      step()
      function use()
        io.write(tostring(select(2, pcall(step))), " ")
      end
    ]]
    assert.matches("the walk is over.* used$", out)
    assert.equal(0, status)
  end))

  it("may pull events from buffers that were finalized", needs("root", function()
    assert.same({"used", 0}, {at_close [[
      local perf = assert(lbpf.open("build/bpf/perf.bpf.o"))
      assert(perf:load())
      local from_perf = assert(lbpf.perf_buffer(perf.maps.events, 8)):events(0)
      local rings = assert(lbpf.open("build/bpf/ring.bpf.o"))
      assert(rings:load())
      local from_ring = assert(lbpf.ring_buffer(rings.maps.first)):events(0)
      from_perf()
      from_ring()
      function use()
        pcall(from_ring)
        pcall(from_perf)
      end
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
