-- Programs that are started, with their arguments: lbpf trace execsnoop.lua
return {
  BEGIN = [[
    begin = nsecs
    print("TIME(ms)", "PID", "ARGS") ]],

  ["tracepoint:syscalls:sys_enter_exec*"] = [[
    print((nsecs - (begin or 0)) // 1000000, pid, join(args.argv)) ]],

  END = [[ clear("begin") ]],
}
