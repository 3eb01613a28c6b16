-- System calls that write files' contents to disks: lbpf trace syncsnoop.lua
return {
  BEGIN = [[ print("PID", "COMM", "EVENT") ]],

  ["tracepoint:syscalls:sys_enter_sync, tracepoint:syscalls:sys_enter_syncfs,"
    .. "tracepoint:syscalls:sys_enter_fsync, tracepoint:syscalls:sys_enter_fdatasync,"
    .. "tracepoint:syscalls:sys_enter_sync_file_range*, tracepoint:syscalls:sys_enter_msync"] =
    [[ print(pid, comm, probe) ]],
}
