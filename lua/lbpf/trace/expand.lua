-- Specs with wildcards and commas: the probes that they name.
local each = require("lbpf.trace.list").each
local spec = require "lbpf.trace.spec"

local MOST = 1000 -- probes of one spec

-- Kinds whose wildcards are expanded here, not by libbpf: by SEC() prefix,
-- how bpftrace calls them.
local kinds = {tp = "tracepoint", raw_tp = "rawtracepoint", fentry = "kfunc", fexit = "kretfunc"}

-- "tp/sched/sched_switch" in the style of the spec that was given.
local function name_of(section, given)
  local kind, rest = section:match("^([%l_]+)/(.+)$")
  local style = given:match("^(%l+):")
  return style and kinds[kind] .. ":" .. rest:gsub("/", ":") or section
end

-- The probes of one spec, added to `found`.
local function expand(given, found)
  local section = spec.section(given)
  local kind = section:match("^([%l_]+)/")
  if not kinds[kind] or not section:find("[*?]") then
    found[#found + 1] = {section = section, name = given}
    return
  end
  local before = #found
  each(section, function(each_section)
    found[#found + 1] = {section = each_section, name = name_of(each_section, given)}
  end)
  local n = #found - before
  if n == 0 then
    error(("'%s': no probe fits"):format(given), 0)
  elseif n > MOST then
    error(("'%s': %d probes fit, and %d are too many"):format(given, n, MOST), 0)
  end
end

--- The probes of a spec, or of several with commas between: a list of {section, name}.
-- @tparam string given "tracepoint:sched:sched_*", "tp/sched/sched_switch, tp/sched/sched_wakeup"
-- @raise if none fits, or too many
return function(given)
  local found, start = {}, 1
  while true do
    -- a comma may also be part of a SEC() name: perf_event/cpu-clock,frequency=99
    local stop, next = given:find(",%s*%f[%w_]", start)
    while stop and not given:find("^[%w_]+[:/]", next + 1) do
      stop, next = given:find(",%s*%f[%w_]", next + 1)
    end
    expand(given:sub(start, (stop or 0) - 1), found)
    if not stop then
      return found
    end
    start = next + 1
  end
end
