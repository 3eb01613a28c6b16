-- What 37_two_states_spec runs in several threads at once, each with a Lua state of its own.
local lbpf = require "lbpf"
local perf = require "perf"
local rings = require "rings"

-- EBUSY: another thread's object needs libbpf's array as it is still.
local open = lbpf.open
function lbpf.open(...)
  local object, message, errno
  repeat
    object, message, errno = open(...)
  until object or errno ~= 16
  return object, message, errno
end

-- This thread's, from 1 on.
local number

-- What libbpf prints for this state, and for no other.
local function refused()
  local path = ("no/such/object-%d.bpf.o"):format(number)
  local printed = 0
  lbpf.set_print(function(_, text)
    assert(text:find(path, 1, true), text)
    printed = printed + 1
  end)
  local object, message = lbpf.link_open(path)
  assert(not object and message:find(path, 1, true))
  lbpf.set_print(nil)
  return printed
end

-- Handlers of its own: one that libbpf does not know, one that overrides it.
local function handle()
  local calls = 0
  local ids = {}
  for _, sec in ipairs({"abc", "raw_tp+"}) do
    ids[#ids + 1] = lbpf.register_prog_handler(sec, "raw_tracepoint", nil, {
      cookie = number,
      prog_setup_fn = function(_, cookie)
        assert(cookie == number)
        calls = calls + 1
      end,
      prog_prepare_load_fn = function()
        calls = calls + 1
      end,
      prog_attach_fn = function(prog)
        return prog:attach_raw_tracepoint("sys_enter")
      end,
    })
  end
  local object = assert(lbpf.open("build/bpf/handlers.bpf.o"))
  for prog in object:each_program() do
    prog:set_autoload(prog:name() == "abc1" or prog:name() == "raw1")
  end
  assert(object:load())
  local setups = calls
  assert(object.progs.abc1:attach())
  assert(object.progs.raw1:attach())
  object:close()
  for _, id in ipairs(ids) do
    assert(lbpf.unregister_prog_handler(id))
  end
  return setups
end

local function read_ring()
  local object = rings.load()
  local fn, list = rings.collector()
  local ring = assert(lbpf.ring_buffer(object.maps.first, fn))
  assert(not lbpf.ring_buffer(object.maps.first)) -- it is claimed
  rings.send(object, 5)
  ring:poll(-1)
  ring:consume()
  -- more if another thread called rename() meanwhile; and two programs that count at once may
  -- count alike
  assert(#list >= 5)
  ring:close()
  object:close()
end

local function read_perf()
  local object = perf.load()
  local buffer = assert(lbpf.perf_buffer(object.maps.events, 8, function() end))
  perf.send(object, 5)
  buffer:poll(-1)
  if number % 2 == 0 then
    buffer:close()
  end
  object:close()
end

local function ask()
  lbpf.probe_bpf_prog_type("kprobe")
  lbpf.prog_type_by_name("abc")
  lbpf.prog_type_by_name("raw_tp/x")
  for prog in lbpf.programs() do
    assert(prog.id)
  end
end

local programs = {}

function programs.thread(n)
  number = n
  for _ = 1, 10 do
    assert(refused() > 0)
    assert(handle() >= 4)
    read_ring()
    read_perf()
    ask()
    collectgarbage()
  end
end

function programs.at_once()
  assert(host.threads(4, "require('programs.everything').thread(...)") == 0)
end

return programs
