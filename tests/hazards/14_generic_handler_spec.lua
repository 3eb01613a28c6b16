-- Hazard 14: libbpf has one generic handler per process. Each Lua state has its own, which is
-- tried last.

local handlers = require "handlers"
local host = require "host"
local lbpf = require "lbpf"

after_each(handlers.cleanup)

describe("The generic handler", function()
  it("comes last, wherever it was registered", function()
    local function types()
      local progs = handlers.open().progs
      return {progs.abc1:type(), progs.xyz:type(), progs.raw1:type(), progs.nothing:type()}
    end
    local id = handlers.register(nil, "xdp")
    handlers.register("abc", "socket_filter")
    assert.same({"socket_filter", "xdp", "raw_tracepoint", "xdp"}, types())
    lbpf.unregister_prog_handler(id)
    assert.same({"socket_filter", "unspec", "raw_tracepoint", "unspec"}, types())
    handlers.register(nil, "sched_cls")
    assert.same({"socket_filter", "sched_cls", "raw_tracepoint", "sched_cls"}, types())
  end)
end)

describe("Each of several Lua states in a process", function()
  it("has a generic handler", function()
    host.run("generic_handler", "each_state")
  end)

  it("has handlers, and ids, of its own", function()
    host.run("generic_handler", "ids")
  end)

  it("overrides libbpf's names for itself, if not for both at once", function()
    host.run("generic_handler", "overriding")
  end)
end)

describe("Where another user of libbpf has the generic handler", function()
  it("a script's is refused, and all others work", function()
    host.run("generic_handler", "other_user")
  end)
end)
