-- Hazard 4: libbpf's registry of handlers has no lock. Lua states in many threads register, open,
-- load and attach at the same time, and each sees only its own handlers.

local host = require "host"
local needs = require "needs"

-- Each round: EBUSY, for another thread's object points into libbpf's array, is tried again.
local thread = [[
  local number = ...
  local lbpf = require "lbpf"
  local path = "build/bpf/handlers.bpf.o"
  local types = {"socket_filter", "xdp", "raw_tracepoint"}

  local function open()
    while true do
      local object, message, errno = lbpf.open(path)
      if object then
        return object
      end
      assert(errno == 16, message)
      busy = (busy or 0) + 1
    end
  end

  for round = 1, ROUNDS do
    local cookie = {}
    local calls = 0
    local prog_type = types[(number + round) % 3 + 1]
    local ids = {}
    for _, sec in ipairs(SECTIONS) do
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
      prog:set_autoload(prog:name() == PROGRAM)
    end
    assert(calls == #SECTIONS, calls)
    assert(object.progs[PROGRAM]:type() == prog_type)
    if LOAD then
      assert(object:load())
      assert(calls == #SECTIONS + 1)
    end
    if round % 2 == 0 then
      object:close()
    end
    object = nil
  end
]]

local function in_threads(values)
  local code = thread:gsub("%u[%u]+", values)
  host.run(("assert(host.threads(4, [==[%s]==]) == 0)\nprint('done')"):format(code))
end

describe("Lua states in several threads", function()
  it("open with handlers of names that libbpf does not know", function()
    in_threads({ROUNDS = "100", SECTIONS = "{'abc', 'abc/', 'custom'}", PROGRAM = "'abc1'",
      LOAD = "false"})
  end)

  it("open with handlers that override libbpf's", function()
    in_threads({ROUNDS = "400", SECTIONS = "{'raw_tp+', 'xdp'}", PROGRAM = "'raw1'",
      LOAD = "false"})
  end)

  it("load what they have opened", needs("root", function()
    in_threads({ROUNDS = "30", SECTIONS = "{'raw_tp+', 'abc'}", PROGRAM = "'raw1'",
      LOAD = "true"})
  end))
end)
