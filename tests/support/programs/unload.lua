-- What 05_unload_spec runs in a program that uses libbpf itself.
local path = "build/bpf/handlers.bpf.o"
local without = host and host.types(path) -- the other state has no host
assert(not host or without:find("abc1=0 ", 1, true) and without:find("raw1=17 ", 1, true))

local programs = {}

local opened -- it stays open

-- Registers handlers in another state, and opens an object with them.
function programs.other_state()
  local lbpf = require "lbpf"
  for _, sec in ipairs({"abc", "abc/", "raw_tp+", "xdp"}) do
    lbpf.register_prog_handler(sec, "socket_filter", nil, {
      prog_setup_fn = function() end,
      prog_prepare_load_fn = function() end,
    })
  end
  lbpf.register_prog_handler(nil, "xdp", nil, {prog_setup_fn = function() end})
  opened = assert(lbpf.open(path))
  return opened
end

function programs.state_closed()
  for _ = 1, 3 do
    host.other "require('programs.unload').other_state()"
    host.close_other()
    assert(host.types(path) == without)
    assert(host.load(path, "raw1") == 0)
    assert(host.load(path, "abc1") == -22) -- it has no type
  end
end

function programs.objects_of_its_own()
  local lbpf = require "lbpf"
  local calls = 0
  local function called()
    calls = calls + 1
  end
  for _, sec in ipairs({"abc", "abc/", "custom+", "raw_tp+", false}) do
    lbpf.register_prog_handler(sec or nil, "socket_filter", nil, {
      prog_setup_fn = called, prog_prepare_load_fn = called, prog_attach_fn = called,
    })
  end
  lbpf.set_print(called)
  assert(host.types(path) == without)
  assert(host.load(path, "raw1") == 0)
  assert(host.load(path, "abc1") == -22)
  assert(calls == 0)
  assert(host.warnings() > 0) -- which are still the program's
  lbpf.set_print(nil)
  lbpf.open(path):close()
  assert(calls == 7, calls)
end

function programs.inside_a_closure()
  local lbpf = require "lbpf"
  local calls, loads = 0, 0
  lbpf.register_prog_handler("abc+", "socket_filter", nil, {
    prog_setup_fn = function()
      calls = calls + 1
      assert(host.types(path) == without)
    end,
    prog_prepare_load_fn = function()
      loads = loads + 1
      assert(host.load(path, "abc1") == -22)
      assert(host.load(path, "raw1") == 0)
    end,
  })
  local object = lbpf.open(path)
  for prog in object:each_program() do
    prog:set_autoload(prog:name() == "abc1")
  end
  assert(object:load())
  assert(calls == 2 and loads == 1)
end

return programs
