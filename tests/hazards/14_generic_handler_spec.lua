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
    host.run([[
      local code = [=[
        lbpf = require "lbpf"
        id = assert(lbpf.register_prog_handler(nil, TYPE))
        local again, _, errno = lbpf.register_prog_handler(nil, "tracepoint")
        assert(again == nil and errno == 16)
        object = assert(lbpf.open("build/bpf/handlers.bpf.o"))
        return object.progs.xyz:type()
      ]=]
      assert(host.other((code:gsub("TYPE", "'xdp'"))) == "xdp")
      TYPE = "socket_filter"
      assert((loadstring or load)(code)() == "socket_filter")
      assert(host.other("return lbpf.open('build/bpf/handlers.bpf.o').progs.xyz:type()") == "xdp")
      -- an end of one is none of the other
      host.close_other()
      assert(lbpf.open("build/bpf/handlers.bpf.o").progs.xyz:type() == "socket_filter")
      print("done")
    ]])
  end)

  it("has handlers, and ids, of its own", function()
    host.run([[
      local lbpf = require "lbpf"
      local path = "build/bpf/handlers.bpf.o"
      local mine = assert(lbpf.register_prog_handler("abc", "xdp"))
      local theirs = tonumber((host.other([=[
        lbpf = require "lbpf"
        id = lbpf.register_prog_handler("abc", "socket_filter")
        return id
      ]=])))
      assert(mine ~= theirs)
      local ok, _, errno = lbpf.unregister_prog_handler(theirs)
      assert(ok == nil and errno == 2)
      assert(lbpf.open(path).progs.abc1:type() == "xdp")
      local open = "return lbpf.open('build/bpf/handlers.bpf.o').progs.abc1:type()"
      assert(host.other(open) == "socket_filter")
      assert(lbpf.unregister_prog_handler(mine))
      assert(lbpf.open(path).progs.abc1:type() == "unspec")
      assert(host.other(open) == "socket_filter")
      print("done")
    ]])
  end)

  it("overrides libbpf's names for itself, if not for both at once", function()
    host.run([[
      local lbpf = require "lbpf"
      local path = "build/bpf/handlers.bpf.o"
      host.other([=[
        lbpf = require "lbpf"
        lbpf.register_prog_handler("raw_tp+", "socket_filter")
        object = assert(lbpf.open("build/bpf/handlers.bpf.o", {object_name = "theirs"}))
        assert(object.progs.raw1:type() == "socket_filter")
      ]=])
      local object, message, errno = lbpf.open(path)
      assert(object == nil and errno == 16, message)
      assert(message:find("object 'build/bpf/handlers.bpf.o' must be loaded or closed first", 1,
        true))
      host.other("object:close()")
      object = assert(lbpf.open(path))
      assert(object.progs.raw1:type() == "raw_tracepoint")
      print("done")
    ]])
  end)
end)

describe("Where another user of libbpf has the generic handler", function()
  it("a script's is refused, and all others work", function()
    host.run([[
      assert(host.take_generic())
      local lbpf = require "lbpf"
      local path = "build/bpf/handlers.bpf.o"
      local id, message, errno = lbpf.register_prog_handler(nil, "socket_filter")
      assert(id == nil and errno == 16)
      assert(message == "register_prog_handler(nil): another user of libbpf in this process has a "
        .. "generic handler: Device or resource busy (EBUSY)", message)
      local calls = 0
      for _, sec in ipairs({"abc", "custom+", "raw_tp+"}) do
        id = assert(lbpf.register_prog_handler(sec, "socket_filter", nil, {
          prog_setup_fn = function()
            calls = calls + 1
          end,
        }))
      end
      local object = assert(lbpf.open(path))
      assert(calls == 4)
      assert(object.progs.abc1:type() == "socket_filter")
      assert(object.progs.raw1:type() == "socket_filter")
      assert(object.progs.xyz:type() == "xdp") -- as the other user's says
      object:close()
      assert(lbpf.unregister_prog_handler(id))
      object = assert(lbpf.open(path))
      assert(object.progs.raw1:type() == "raw_tracepoint")
      assert(calls == 7)
      print("done")
    ]])
  end)
end)
