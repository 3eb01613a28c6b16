-- SEC("every/10ms"): a program that runs so often on each CPU that is online; us, ms, s.

local perf_event = require "lbpf.handlers.perf_event"

local SOFTWARE, CPU_CLOCK = 1, 0
local units = {us = 1e3, ms = 1e6, s = 1e9}

local function nanoseconds(prog)
  local count, unit = prog:section_name():match("^every/(%d+)(%l+)$")
  if not units[unit] or tonumber(count) == 0 then
    error(("SEC(\"%s\"): expected every/10ms; units: us, ms, s"):format(prog:section_name()), 0)
  end
  return tonumber(count) * units[unit]
end

return {
  {
    sec = "every/",
    prog_type = "perf_event",
    prog_prepare_load_fn = function(prog)
      nanoseconds(prog)
    end,
    prog_attach_fn = function(prog)
      return perf_event.attach(prog, {
        attr = {type = SOFTWARE, config = CPU_CLOCK, sample_period = nanoseconds(prog)},
      })
    end,
  },
}
