-- What 04_threads_spec runs in several threads at once, each with a Lua state of its own.
local lbpf = require "lbpf"
local path = "build/bpf/handlers.bpf.o"
local types = {"socket_filter", "xdp", "raw_tracepoint"}

-- EBUSY, for another thread's object points into libbpf's array, is tried again.
local function open()
  while true do
    local object, message, errno = lbpf.open(path)
    if object then
      return object
    end
    assert(errno == 16, message)
  end
end

local programs = {}

-- The thread with this number, from 1 on.
function programs.thread(number, opts)
  for round = 1, opts.rounds do
    local cookie = {}
    local calls = 0
    local prog_type = types[(number + round) % 3 + 1]
    local ids = {}
    for _, sec in ipairs(opts.sections) do
      ids[#ids + 1] = assert(lbpf.register_prog_handler(sec, prog_type, nil, {
        cookie = cookie,
        prog_setup_fn = function(prog, c)
          assert(c == cookie)
          assert(prog:type() == prog_type)
          calls = calls + 1
        end,
        prog_prepare_load_fn = function(_, _, c)
          assert(c == cookie)
          calls = calls + 1
        end,
      }))
    end
    local object = open()
    for _, id in ipairs(ids) do
      assert(lbpf.unregister_prog_handler(id))
    end
    for prog in object:each_program() do
      prog:set_autoload(prog:name() == opts.program)
    end
    assert(calls == #opts.sections, calls)
    assert(object.progs[opts.program]:type() == prog_type)
    if opts.load then
      assert(object:load())
      assert(calls == #opts.sections + 1)
    end
    if round % 2 == 0 then
      object:close()
    end
  end
end

local function in_threads(opts)
  local call = ("require('programs.registering').thread(..., {%s})"):format(opts)
  assert(host.threads(4, call) == 0)
end

function programs.unknown_names()
  in_threads "rounds = 100, sections = {'abc', 'abc/', 'custom'}, program = 'abc1'"
end

function programs.names_of_libbpf()
  in_threads "rounds = 400, sections = {'raw_tp+', 'xdp'}, program = 'raw1'"
end

function programs.loading()
  in_threads "rounds = 30, sections = {'raw_tp+', 'abc'}, program = 'raw1', load = true"
end

return programs
