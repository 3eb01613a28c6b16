-- SEC("syscall/openat"), SEC("syscall.exit/openat"): a program that runs when a system call is
-- entered, or has returned. Its context is the tracepoint's: struct trace_event_raw_sys_enter with
-- args, or struct trace_event_raw_sys_exit with ret.

local function definition(sec, tracepoint)
  return {
    sec = sec,
    prog_type = "tracepoint",
    prog_attach_fn = function(prog)
      return prog:attach_tracepoint("syscalls", tracepoint .. prog:section_name():sub(#sec + 1))
    end,
  }
end

return {definition("syscall/", "sys_enter_"), definition("syscall.exit/", "sys_exit_")}
