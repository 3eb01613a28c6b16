-- System calls by name, or by process: syscount.lua [-h]
local names = require "lbpf.names"

require "lbpf.tool" {
  name = "syscount",
  about = "System calls by name, or by process: how many, how long.",
  options = function(parser)
    parser:flag("-P --process", "By process, not by name.")
    parser:flag("-x --failed", "Only those that fail.")
    parser:option("--top", "So many rows."):convert(tonumber):default("20")
  end,
  columns = {{"key", 24, title = "CALL"}, {"count", -10}, {"us", -12, title = "TIME (us)"}},
  maps = {"n", "ns"},
  programs = function(args, only)
    local key = args.process and "comm" or "args.id"
    return {
      ["tp/raw_syscalls/sys_enter"] = only .. [[ since[tid] = nsecs ]],
      ["tp/raw_syscalls/sys_exit"] = ([[
        local at = since[tid]
        if at %s then
          count("n", %s)
          sum("ns", nsecs - at, %s)
          since[tid] = nil
        end ]]):format(args.failed and "and args.ret < 0" or "", key, key),
      ["tp/sched/sched_process_exit"] = [[ since[tid] = nil ]], -- exit(2) does not return
    }
  end,
  report = function(tracer, args, out)
    local times, rows = {}, {}
    for _, row in ipairs(tracer:rows("ns")) do
      times[row.text[1]] = row.value
    end
    local all = tracer:rows("n")
    for i = #all, math.max(1, #all - args.top + 1), -1 do
      local key = all[i].text[1]
      rows[#rows + 1] = {
        key = args.process and key or names.syscall(all[i].keys[1]), count = all[i].value,
        us = math.floor(tonumber(times[key] or 0) / 1000),
      }
    end
    out:table(rows)
  end,
}
