-- What 14_generic_handler_spec runs in a program with several Lua states.
local lbpf -- not before take_generic()
local path = "build/bpf/handlers.bpf.o"

local programs = {}

-- These run in each state, the last with what the former has registered.
function programs.register_generic(prog_type)
  lbpf = require "lbpf"
  assert(lbpf.register_prog_handler(nil, prog_type))
  local again, _, errno = lbpf.register_prog_handler(nil, "tracepoint")
  assert(again == nil and errno == 16)
end

function programs.register_abc(prog_type)
  lbpf = require "lbpf"
  return assert(lbpf.register_prog_handler("abc", prog_type))
end

function programs.type_of(name)
  return assert(lbpf.open(path)).progs[name]:type()
end

-- Calls one of them in the other state.
local function other(call)
  return host.other("return require('programs.generic_handler')." .. call)
end

function programs.each_state()
  other "register_generic('xdp')"
  assert(other "type_of('xyz')" == "xdp")
  programs.register_generic("socket_filter")
  assert(programs.type_of("xyz") == "socket_filter")
  assert(other "type_of('xyz')" == "xdp")
  -- an end of one is none of the other
  host.close_other()
  assert(programs.type_of("xyz") == "socket_filter")
end

function programs.ids()
  local mine = programs.register_abc("xdp")
  local theirs = tonumber((other "register_abc('socket_filter')"))
  assert(mine ~= theirs)
  local ok, _, errno = lbpf.unregister_prog_handler(theirs)
  assert(ok == nil and errno == 2)
  assert(programs.type_of("abc1") == "xdp")
  assert(other "type_of('abc1')" == "socket_filter")
  assert(lbpf.unregister_prog_handler(mine))
  assert(programs.type_of("abc1") == "unspec")
  assert(other "type_of('abc1')" == "socket_filter")
end

function programs.overriding()
  lbpf = require "lbpf"
  host.other [=[
    lbpf = require "lbpf"
    lbpf.register_prog_handler("raw_tp+", "socket_filter")
    object = assert(lbpf.open("build/bpf/handlers.bpf.o", {object_name = "theirs"}))
    assert(object.progs.raw1:type() == "socket_filter")
  ]=]
  local object, message, errno = lbpf.open(path)
  assert(object == nil and errno == 16, message)
  assert(message:find("object 'build/bpf/handlers.bpf.o' must be loaded or closed first", 1,
    true))
  host.other("object:close()")
  object = assert(lbpf.open(path))
  assert(object.progs.raw1:type() == "raw_tracepoint")
end

function programs.other_user()
  assert(host.take_generic())
  lbpf = require "lbpf"
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
end

return programs
