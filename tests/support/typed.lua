--- The object of tests/bpf/typed_events.bpf.c, whose programs report when they are run.
local lbpf = require "lbpf"

local typed = {}

--- Options that read its events. The first is read in C, for it has a bit field; LuaJIT compiles
-- the other.
typed.kinds = {
  {type = "opened"},
  {layout = [[struct plain { u32 kind, pid; u64 time; char comm[16]; u32 outcome; u16 mode;
    struct { s32 x, y; } at[2]; };]]},
}

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
