-- Sleeps by nanosleep(2), and who called for them: lbpf trace naptime.lua
return {
  BEGIN = [[ print("PPID", "PCOMM", "PID", "COMM", "SECONDS", "MS") ]],

  ["tracepoint:syscalls:sys_enter_nanosleep"] = [[
    local parent, time = curtask.real_parent, args.rqtp
    if time.tv_sec + time.tv_nsec > 0 then
      print(parent.pid, parent.comm, pid, comm, time.tv_sec, time.tv_nsec // 1000000)
    end ]],
}
