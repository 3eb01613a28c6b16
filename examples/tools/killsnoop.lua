-- Signals that are sent by kill(2): lbpf trace killsnoop.lua
return {
  BEGIN = [[ print("PID", "COMM", "SIG", "TPID", "RESULT") ]],

  ["tracepoint:syscalls:sys_enter_kill"] = [[
    target[tid] = args.pid
    signal[tid] = args.sig ]],

  ["tracepoint:syscalls:sys_exit_kill"] = [[
    local to = target[tid]
    if to then
      print(pid, comm, signal[tid], to, args.ret)
      target[tid] = nil
      signal[tid] = nil
    end ]],

  END = [[ clear("target") clear("signal") ]],
}
