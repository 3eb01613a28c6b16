-- Specs with wildcards and commas, or in the style of bpftrace: a program for each of the probes.
local each = require("lbpf.trace.list").each
local spec = require "lbpf.trace.spec"

local MOST = 1000 -- probes of one spec

-- Kinds whose wildcards are expanded here and not by libbpf: by SEC() prefix, how bpftrace calls
-- them.
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
    error(("'%s': no probe matches"):format(given), 0)
  elseif n > MOST then
    error(("'%s': %d probes match; at most %d are allowed"):format(given, n, MOST), 0)
  end
end

-- The probes of a spec, or of several with commas between: a list of {section, name}.
local function probes_of(given)
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

-- Adds a program for each probe that the spec names.
local function add(list, given, program)
  for _, probe in ipairs(probes_of(given)) do
    list[#list + 1] = {probe.section, program, name = probe.name}
  end
end

--- The programs as compile() wants them: a list, with SEC() names.
-- @param programs spec = program, or a list of such pairs; a spec is "tracepoint:sched:sched_*" or
-- "tp/sched/sched_switch, tp/sched/sched_wakeup"
-- @raise if no probe matches, or too many do
return function(programs)
  local list = {}
  if programs[1] ~= nil then
    for _, pair in ipairs(programs) do
      if type(pair) == "table" and type(pair[1]) == "string" then
        add(list, pair[1], pair[2])
      else
        list[#list + 1] = pair -- compile() says what is wrong with it
      end
    end
    return list
  end
  local names = {}
  for name in pairs(programs) do
    names[#names + 1] = name
  end
  table.sort(names, function(x, y) return tostring(x) < tostring(y) end)
  for _, name in ipairs(names) do
    if type(name) ~= "string" then
      error("a program's key must be its SEC name", 3)
    end
    add(list, name, programs[name])
  end
  return list
end
