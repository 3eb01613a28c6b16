-- Where processes wait, by stack: offcputime.lua [-h]
local stacks = require "lbpf.profile.stacks"

-- The task that leaves the processor is the current one, whose stacks can be read.
local switch = [[
  local at, by = since[args.next_pid], process[args.next_pid]
  local us_, ks_ = user[args.next_pid], kernel[args.next_pid]
  if at and by and us_ and ks_ then
    local us = (nsecs - at) // 1000
    if us >= %d then
      sum("stacks", us, by, args.next_comm, us_, ks_)
    end
    since[args.next_pid] = nil
  end
  %s
  if args.prev_state & 0x30 ~= 0 then -- it has ended
    process[args.prev_pid], user[args.prev_pid], kernel[args.prev_pid] = nil, nil, nil
  elseif args.prev_pid ~= 0 then -- 0 is idle
    since[args.prev_pid] = nsecs
    process[args.prev_pid] = pid
    user[args.prev_pid] = ustack
    kernel[args.prev_pid] = kstack
  end ]]

-- More would have the map of stacks grow with them, 4 KiB for each.
local MANY = {max_entries = 16384}

require "lbpf.tool" {
  name = "offcputime",
  about = "Where processes wait, by stack, in microseconds.",
  options = function(parser)
    parser:option("-m --min", "Only waits of so many microseconds."):convert(tonumber):default("1")
    stacks.options(parser)
  end,
  maps = {"stacks"},
  programs = function(args, only)
    return {["tp/sched/sched_switch"] = switch:format(args.min, only)}
  end,
  compile = {maps = {stacks = MANY, since = MANY, process = MANY, user = MANY, kernel = MANY}},
  start = stacks.watch,
  report = function(tracer, args, out)
    stacks.write(tracer, args, out, {title = "time off the processor", unit = "microseconds",
      type = "off-cpu"})
  end,
}
