-- How long tasks wait for a processor: runqlat.lua [-h]

-- Of a task that was switched to: how long it had waited.
local switch = [[
  if args.prev_state == 0 and args.prev_pid ~= 0 then -- it could run on; 0 is idle
    queued[args.prev_pid] = nsecs
  end
  local since = queued[args.next_pid]
  if since then
    local us = (nsecs - since) // 1000
    queued[args.next_pid] = nil
    %s
  end ]]

-- Whose task it is shows only when it leaves the processor, as the current one.
local of_some = [[
  local us = waited[args.prev_pid]
  if us then
    waited[args.prev_pid] = nil
    %s
    hist("usecs", us)
  end ]]

require "lbpf.tool" {
  name = "runqlat",
  about = "How long tasks wait for a processor, as a histogram.",
  maps = {"usecs"},
  programs = function(_, only)
    return {
      ["tp/sched/sched_wakeup, tp/sched/sched_wakeup_new"] = [[ queued[args.pid] = nsecs ]],
      ["tp/sched/sched_switch"] = only == "" and switch:format('hist("usecs", us)')
        or switch:format("waited[args.next_pid] = us") .. of_some:format(only),
    }
  end,
}
