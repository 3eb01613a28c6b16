-- Hazard 2: libbpf 1.1 frees its array of handlers with the last handler, and uses it afterwards.
-- Handlers can be registered and unregistered any number of times.

local handlers = require "handlers"
local lbpf = require "lbpf"

after_each(handlers.cleanup)

describe("Registering and unregistering in a loop", function()
  it("is clean without an open", function()
    for _ = 1, 1000 do
      local id = lbpf.register_prog_handler("raw_tp+", "socket_filter")
      assert.is_true(lbpf.unregister_prog_handler(id))
    end
    assert.equal("raw_tracepoint", handlers.open().progs.raw1:type())
  end)

  it("is clean where each open empties libbpf's array or fills it", function()
    local before = handlers.fds()
    for round = 1, 50 do
      local first = lbpf.register_prog_handler("raw_tp+", "socket_filter")
      local second = round % 2 == 0 and lbpf.register_prog_handler("xdp", "socket_filter")
      local object = assert(lbpf.open(handlers.path))
      assert.equal("socket_filter", object.progs.raw1:type())
      assert.equal(second and "socket_filter" or "xdp", object.progs.xdp1:type())
      object:close()
      lbpf.unregister_prog_handler(first)
      object = assert(lbpf.open(handlers.path))
      assert.equal("raw_tracepoint", object.progs.raw1:type())
      object:close()
      if second then
        lbpf.unregister_prog_handler(second)
      end
    end
    assert.equal(before, handlers.fds())
  end)
end)
