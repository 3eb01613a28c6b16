-- Processes that change their users: lbpf trace setuids.lua
return {
  BEGIN = [[ print("PID", "COMM", "UID", "SYSCALL", "ARGS (RET)") ]],

  ["tracepoint:syscalls:sys_enter_setuid, tracepoint:syscalls:sys_enter_setfsuid"] = [[
    before[tid] = uid
    new[tid] = args.uid ]],

  ["tracepoint:syscalls:sys_enter_setresuid"] = [[
    before[tid] = uid
    new[tid] = args.ruid
    effective[tid] = args.euid
    saved[tid] = args.suid ]],

  ["tracepoint:syscalls:sys_exit_setuid"] = [[
    local was = before[tid]
    if was then
      print(pid, comm, was, "setuid", new[tid], args.ret)
      before[tid] = nil
    end ]],

  ["tracepoint:syscalls:sys_exit_setfsuid"] = [[
    local was = before[tid]
    if was then
      print(pid, comm, was, "setfsuid", new[tid], args.ret)
      before[tid] = nil
    end ]],

  ["tracepoint:syscalls:sys_exit_setresuid"] = [[
    local was = before[tid]
    if was then
      print(pid, comm, was, "setresuid", new[tid], effective[tid], saved[tid], args.ret)
      before[tid] = nil
    end ]],

  END = [[ clear("before") clear("new") clear("effective") clear("saved") ]],
}
