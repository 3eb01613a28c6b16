-- Where processors spend their time, by stack: profile.lua [-h]
--
--   profile.lua -t 10 -o cpu.svg     a flame graph
--   profile.lua -t 10 -o cpu.pb      for go tool pprof
local stacks = require "lbpf.profile.stacks"

require "lbpf.tool" {
  name = "profile",
  about = "Where processors spend their time, by stack.",
  options = function(parser)
    parser:option("-F --frequency", "Samples a second on each processor."):convert(tonumber)
      :default("99")
    stacks.options(parser)
  end,
  maps = {"stacks"},
  programs = function(args, only)
    return {
      [("perf_event/cpu-clock,frequency=%d"):format(args.frequency)] = only .. [[
        if pid ~= 0 then count("stacks", pid, comm, ustack, kstack) end ]],
    }
  end,
  compile = {maps = {stacks = {max_entries = 16384}}},
  start = stacks.watch,
  report = function(tracer, args, out)
    stacks.write(tracer, args, out, {title = "processor time", unit = "samples", type = "samples"})
  end,
}
