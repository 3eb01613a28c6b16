-- Sleeps by nanosleep(2) and clock_nanosleep(2), and who called for them: naptime.lua [-h]
local text = require "lbpf.text"

local sleep = [[
  local parent, time = curtask.real_parent, args.rqtp
  local ns = time.tv_sec * 1000000000 + time.tv_nsec
  if ns > 0 then
    emit("row", {ppid = parent.pid, pcomm = parent.comm, pid = pid, comm = comm, ns = ns})
  end ]]

require "lbpf.tool" {
  name = "naptime",
  about = "Sleeps by nanosleep(2) and clock_nanosleep(2), and whose child called for them.",
  columns = {
    {"time", 8}, {"ppid", -7}, {"pcomm", 16}, {"pid", -7}, {"comm", 16},
    {"ns", -9, title = "SLEEPS", show = text.duration},
  },
  programs = {
    ["tp/syscalls/sys_enter_nanosleep"] = sleep,

    -- What sleep(3) calls. With TIMER_ABSTIME, 1, there is no length but an end.
    ["tp/syscalls/sys_enter_clock_nanosleep"] =
      ("if args.flags & 1 == 0 then %s end"):format(sleep),
  },
}
