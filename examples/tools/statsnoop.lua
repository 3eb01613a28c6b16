-- stat(2) and its relatives, with the error number: lbpf trace statsnoop.lua
local enter = [[ filename[tid] = args.filename ]]
local exit = [[
  local name = filename[tid]
  if name then
    print(pid, comm, args.ret < 0 and -args.ret or 0, str(name))
    filename[tid] = nil
  end ]]

return {
  BEGIN = [[ print("PID", "COMM", "ERR", "PATH") ]],

  ["tracepoint:syscalls:sys_enter_statfs"] = [[ filename[tid] = args.pathname ]],
  ["tracepoint:syscalls:sys_enter_statx, tracepoint:syscalls:sys_enter_newstat,"
    .. "tracepoint:syscalls:sys_enter_newlstat"] = enter,

  ["tracepoint:syscalls:sys_exit_statfs, tracepoint:syscalls:sys_exit_statx,"
    .. "tracepoint:syscalls:sys_exit_newstat, tracepoint:syscalls:sys_exit_newlstat"] = exit,

  END = [[ clear("filename") ]],
}
