--- The object of tests/bpf/typed_events.bpf.c, whose programs report when they are run.
local lbpf = require "lbpf"

local typed = {}

function typed.load()
  return assert(lbpf.open("build/bpf/typed_events.bpf.o")):load()
end

--- Has a program report so many events, one unless said.
function typed.run(object, program, times)
  for _ = 1, times or 1 do
    assert(object.progs[program]:test_run())
  end
end

--- The message of the error that FN raises.
function typed.failure(fn, ...)
  local ok, message = pcall(fn, ...)
  assert(not ok, "no error was raised")
  return message
end

return typed
