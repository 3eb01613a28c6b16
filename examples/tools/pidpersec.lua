-- New processes in each second: lbpf trace pidpersec.lua
return {
  ["tracepoint:sched:sched_process_fork"] = [[ count("PIDs/sec") ]],

  ["interval:1s"] = [[
    show("PIDs/sec")
    clear("PIDs/sec") ]],

  END = [[ clear("PIDs/sec") ]],
}
