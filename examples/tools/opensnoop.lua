-- Files that are opened, with the descriptor or the error number: lbpf trace opensnoop.lua
return {
  BEGIN = [[ print("PID", "COMM", "FD", "ERR", "PATH") ]],

  ["tracepoint:syscalls:sys_enter_open, tracepoint:syscalls:sys_enter_openat"] = [[
    filename[tid] = args.filename ]],

  ["tracepoint:syscalls:sys_exit_open, tracepoint:syscalls:sys_exit_openat"] = [[
    local name = filename[tid]
    if name then
      print(pid, comm, math.max(args.ret, -1), args.ret < 0 and -args.ret or 0, str(name))
      filename[tid] = nil
    end ]],

  END = [[ clear("filename") ]],
}
