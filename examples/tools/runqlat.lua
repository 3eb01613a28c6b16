-- How long tasks wait for a processor, as a histogram at the end: lbpf trace runqlat.lua
return {
  ["tracepoint:sched:sched_wakeup, tracepoint:sched:sched_wakeup_new"] = [[
    queued[args.pid] = nsecs ]],

  ["tracepoint:sched:sched_switch"] = [[
    if args.prev_state == 0 then -- it could run on
      queued[args.prev_pid] = nsecs
    end
    local since = queued[args.next_pid]
    if since then
      hist("usecs", (nsecs - since) // 1000)
      queued[args.next_pid] = nil
    end ]],

  END = [[ clear("queued") ]],
}
