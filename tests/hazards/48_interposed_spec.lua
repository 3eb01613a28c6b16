-- 48: a function that the program exports replaces libbpf's of the same name, for libbpf too.
local host = require "host"
local needs = require "needs"

local use = [[
  local lbpf = require "lbpf"
  local object = assert(lbpf.open "build/bpf/maps.bpf.o")
  assert(object:load())
  local map = object.maps.hash
  assert(map:update(1, {a = 2}))
  assert(map:lookup(1).a == 2)
  object:close()
  assert(called() == 0)
  print "done"
]]

describe("hazard 48: a program with functions of libbpf's names", function()
  it("cannot use lbpf, and is told why", function()
    local output = host.output("replaces", use)
    assert.matches("/replaces' has a function 'bpf_%w+_%w+' of its own", output)
    assert.matches("make LIBBPF=static", output)
    assert.not_matches("done", output)
  end)

  it("is told each time", function()
    assert.equal("false\nfalse\n", host.output("replaces", [[
      print((pcall(require, "lbpf.core")))
      print((pcall(require, "lbpf.core")))
    ]]))
  end)

  it("can, where it says that its functions do as libbpf's", function()
    assert.equal("true\n", host.output("host", [[print((pcall(require, "lbpf.core")))]], nil,
      "LBPF_INTERPOSED=allow"))
    assert.equal("false\n", host.output("host", [[print((pcall(require, "lbpf.core")))]]))
  end)

  it("can use a module with libbpf inside", needs({"root", "static libbpf"}, function()
    assert.equal("done\n", host.output("replaces", use, os.getenv("LBPF_LUA") .. "-static"))
  end))
end)
