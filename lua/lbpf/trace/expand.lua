-- Specs with wildcards: the probes that they name.
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

--- The probes of a spec: a list of {section, name}.
-- @tparam string given "tracepoint:sched:sched_*", "tp/sched/sched_switch"
-- @raise if none fits, or too many
return function(given)
  local section = spec.section(given)
  local kind = section:match("^([%l_]+)/")
  if not kinds[kind] or not section:find("[*?]") then
    return {{section = section, name = given}}
  end
  local found = {}
  each(section, function(each_section)
    found[#found + 1] = {section = each_section, name = name_of(each_section, given)}
  end)
  if #found == 0 then
    error(("'%s': no probe fits"):format(given), 0)
  elseif #found > MOST then
    error(("'%s': %d probes fit, and %d are too many"):format(given, #found, MOST), 0)
  end
  return found
end
