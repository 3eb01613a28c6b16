-- An object that was compiled from Lua on another kernel: tests/vm/image makes it on the machine
-- that makes the virtual one, and libbpf adapts it to this kernel.
local lbpf = require "lbpf"
local needs = require "needs"

local function entries(map)
  local found = {}
  for key, value in map:view({numbers = true}):pairs() do
    found[key.k1] = value.v
  end
  return found
end

local function parent()
  local file = assert(io.open "/proc/self/stat")
  local id = file:read("*a"):match("%) %u (%d+)")
  file:close()
  return tonumber(id)
end

describe("an object compiled from Lua on another kernel", function()
  it("does the same here", needs({"root", "task_btf", "compiled_elsewhere"}, function()
    local object = assert(lbpf.open "build/bpf/elsewhere_lua.bpf.o")
    assert(object:load())
    assert(lbpf.prog_test_run(object.progs.probe_1, {}))
    local out = entries(object.maps.out)
    assert.equal(1, out["is pid"])
    assert.equal(1, out["is comm"])
    assert.equal(parent(), out.parent)
    assert.equal(0, out.bits)
    local n = out.pid % 8 + 3
    assert.equal(n * (n + 1) / 2, out.sum)
    assert.equal(1, out.enumerator)
    object:close()
  end))

  it("finds the fields of tracepoints here", needs({"root", "task_btf", "compiled_elsewhere",
    "tracefs"}, function()
    local object = assert(lbpf.open "build/bpf/elsewhere_lua.bpf.o")
    assert(object:load())
    assert(object:attach())
    os.execute "renice 0 -p $$ >/dev/null; true"
    local n = 0
    for id, old in pairs(entries(object.maps.execs)) do
      n = n + 1
      assert.equal(id, old)
    end
    assert.is_true(n > 0)
    for which, who in pairs(entries(object.maps.asked)) do
      assert.is_true(which >= 0 and which <= 2 and who >= 0)
    end
    object:close()
  end))
end)
