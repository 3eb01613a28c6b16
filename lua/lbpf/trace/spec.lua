-- Specs of probes: SEC() names, or names in the style of bpftrace.
local spec = {}

-- SEC() names by bpftrace's kinds, which stand before the first colon. `%s` is the rest, with
-- slashes for colons.
local kinds = {
  tracepoint = "tp/%s", t = "tp/%s", tp = "tp/%s",
  rawtracepoint = "raw_tp/%s", rt = "raw_tp/%s", raw_tp = "raw_tp/%s",
  kprobe = "kprobe/%s", k = "kprobe/%s", kretprobe = "kretprobe/%s", kr = "kretprobe/%s",
  kfunc = "fentry/%s", fentry = "fentry/%s", f = "fentry/%s", kretfunc = "fexit/%s",
  fexit = "fexit/%s", fr = "fexit/%s", lsm = "lsm/%s", iter = "iter/%s", it = "iter/%s",
  ksyscall = "ksyscall/%s", kretsyscall = "kretsyscall/%s",
}

-- Kinds whose target is a file and a function or tracepoint in it.
local files = {
  uprobe = "uprobe", u = "uprobe", uretprobe = "uretprobe", ur = "uretprobe", usdt = "usdt",
  U = "usdt",
}

local function seconds_of(count, unit, whole)
  local scale = ({s = 1, ms = 1e-3, us = 1e-6, hz = true})[unit]
  count = tonumber(count)
  if not scale or not count or count <= 0 then
    error(("'%s': expected interval:1s; units: s, ms, us, hz"):format(whole), 0)
  end
  return scale == true and 1 / count or count * scale
end

-- profile:hz:99, profile:ms:10, interval:s:1, interval:1s
local function timed(kind, rest, whole)
  local unit, count = rest:match("^(%l+):([%d.]+)$")
  if not unit then
    count, unit = rest:match("^([%d.]+)(%l+)$")
  end
  local seconds = seconds_of(count, unit, whole)
  if kind == "profile" then
    return "perf_event/cpu-clock,frequency=" .. math.floor(1 / seconds + 0.5)
  end
  return ("interval/%gs"):format(seconds)
end

-- software:page-faults:100, hardware:cycles:1000000
local function counted(rest)
  local event, period = rest:match("^([^:]+):?(%d*)$")
  if not event then
    return nil
  end
  return "perf_event/" .. event .. ",period=" .. (period ~= "" and period or "1000000")
end

--- The SEC() name of a spec; the spec itself if it is one.
-- @tparam string given "tracepoint:sched:sched_switch", "kprobe:vfs_*", "tp/sched/sched_switch"
-- @treturn string
-- @raise if it is neither
function spec.section(given)
  local kind, rest = given:match("^(%w+):(.+)$")
  if given == "BEGIN" or given == "END" or not kind then
    return given
  end
  if kind == "profile" or kind == "p" then
    return timed("profile", rest, given)
  elseif kind == "interval" or kind == "i" then
    return timed("interval", rest, given)
  elseif kind == "software" or kind == "s" or kind == "hardware" or kind == "h" then
    return counted(rest) or error(("'%s': expected %s:EVENT:COUNT"):format(given, kind), 0)
  elseif files[kind] then
    local many = files[kind] ~= "usdt" and rest:match("[*?][^/:]*$") and ".multi" or ""
    return files[kind] .. many .. "/" .. rest
  elseif not kinds[kind] then
    error(("'%s': there are no probes '%s'"):format(given, kind), 0)
  end
  local section = kinds[kind]:format((rest:gsub(":", "/")))
  if section:match("^k%l*probe/.*[*?]") then
    section = section:gsub("/", ".multi/", 1)
  end
  return section
end

--- The seconds of SEC("interval/1s").
function spec.interval(section)
  local count, unit = section:match("^interval/([%d.e-]+)(%l+)$")
  return seconds_of(count, unit, section)
end

return spec
