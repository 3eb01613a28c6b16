-- System calls by number and by process, at the end: lbpf trace syscount.lua
return {
  BEGIN = [[ print("Counting syscalls... Hit Ctrl-C to end.") ]],

  ["tracepoint:raw_syscalls:sys_enter"] = [[
    count("syscall", args.id)
    count("process", comm) ]],
}
