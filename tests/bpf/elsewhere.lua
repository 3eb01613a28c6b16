-- Programs that tests/vm/image compiles for another kernel than the one they run on.
return {
  {"raw_tp", [[
    local task = curtask
    out["pid"] = task.tgid
    out["is pid"] = task.tgid == pid and 1 or 0
    out["parent"] = task.real_parent.tgid
    out["is comm"] = task.comm == comm and 1 or 0
    out["bits"] = task.sched_reset_on_fork -- a bit field
    local sum = 0
    for i = 1, pid % 8 + 3 do
      sum = sum + i
    end
    out["sum"] = sum
    out["enumerator"] = BPF_FD_TYPE_TRACEPOINT
    hist("sums", sum)
    print(task.comm, pid) ]]},
  {"tp/sched/sched_process_exec", 'execs[args.pid] = args.old_pid'},
  {"tp/syscalls/sys_enter_getpriority", 'asked[args.which] = args.who'},
}
