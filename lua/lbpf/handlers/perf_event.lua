-- SEC("perf_event/EVENT,KEY=VALUE,..."): a program that runs at each sample of a perf event.
--
-- EVENT is a name as perf(1) has it: "cpu-clock", "page-faults", "cycles", "LLC-load-misses",
-- "r1c2" (a raw event). Or it is left out, and the keys type and config give the numbers of
-- linux/perf_event.h. The other keys:
--
--   frequency  samples a second (99, unless period is given)
--   period     events between two samples
--   pid        of this process only
--   cgroup     of the processes in this cgroup: a path
--   cpu        on this CPU only

local lbpf = require "lbpf.core"

local perf_event = {}

local ENODEV = 19
local HARDWARE, SOFTWARE, HW_CACHE, RAW = 0, 1, 3, 4

-- Numbers of enum perf_hw_id and enum perf_sw_ids, by perf's names.
local hardware = {
  ["cpu-cycles"] = 0, cycles = 0, instructions = 1, ["cache-references"] = 2,
  ["cache-misses"] = 3, ["branch-instructions"] = 4, branches = 4, ["branch-misses"] = 5,
  ["bus-cycles"] = 6, ["stalled-cycles-frontend"] = 7, ["stalled-cycles-backend"] = 8,
  ["ref-cycles"] = 9,
}
local software = {
  ["cpu-clock"] = 0, ["task-clock"] = 1, ["page-faults"] = 2, faults = 2,
  ["context-switches"] = 3, cs = 3, ["cpu-migrations"] = 4, migrations = 4, ["minor-faults"] = 5,
  ["major-faults"] = 6, ["alignment-faults"] = 7, ["emulation-faults"] = 8,
  ["cgroup-switches"] = 11,
}

-- PERF_TYPE_HW_CACHE: cache | operation << 8 | result << 16
local caches = {
  ["L1-dcache"] = 0, ["L1-icache"] = 1, LLC = 2, dTLB = 3, iTLB = 4, branch = 5, node = 6,
}
local accesses = {
  loads = 0, ["load-misses"] = 0x10000, stores = 0x100, ["store-misses"] = 0x10100,
  prefetches = 0x200, ["prefetch-misses"] = 0x10200,
}

local function cache_event(name)
  for cache, number in pairs(caches) do
    local access = name:sub(1, #cache + 1) == cache .. "-" and accesses[name:sub(#cache + 2)]
    if access then
      return number + access
    end
  end
  return nil
end

local function event_by_name(name)
  if software[name] then
    return SOFTWARE, software[name]
  elseif hardware[name] then
    return HARDWARE, hardware[name]
  elseif name:match("^r%x+$") then
    return RAW, tonumber(name:sub(2), 16)
  end
  return cache_event(name) and HW_CACHE, cache_event(name)
end

local numeric = {
  type = true, config = true, frequency = true, period = true, pid = true, cpu = true,
}

-- What a section asks for: `attr` for perf_event_open, and pid, cgroup, cpu.
local function parse(section)
  local keys = {}
  local function complain(message, ...)
    error(("SEC(\"%s\"): "):format(section) .. message:format(...), 0)
  end
  for word in section:sub(#"perf_event/" + 1):gmatch("[^,]+") do
    local key, value = word:match("^([%w_]+)=(.+)$")
    if not key then
      keys.type, keys.config = event_by_name(word)
      if not keys.type then
        complain("unknown event '%s'", word)
      end
    elseif numeric[key] then
      keys[key] = tonumber(value) or complain("%s is a number, not '%s'", key, value)
    elseif key == "cgroup" then
      keys.cgroup = value
    else
      complain("unknown key '%s'; there are: type, config, frequency, period, pid, cgroup, cpu",
        key)
    end
  end
  if not keys.type or not keys.config then
    complain("expected the name of an event, or type=... and config=...")
  elseif keys.frequency and keys.period then
    complain("frequency and period cannot be combined")
  elseif keys.pid and keys.cgroup then
    complain("pid and cgroup cannot be combined")
  end
  return {
    attr = {
      type = keys.type, config = keys.config, freq = keys.period == nil,
      sample_freq = not keys.period and (keys.frequency or 99) or nil,
      sample_period = keys.period,
    },
    pid = keys.pid, cgroup = keys.cgroup, cpu = keys.cpu,
  }
end

-- Attaches a program to a perf event: one event for a process, else one on each CPU that is online.
-- WHAT has `attr`, and may have `pid`, `cgroup` and `cpu`. Returns the list of links, or nil,
-- message and errno.
function perf_event.attach(prog, what)
  local links = {}
  local first, last = what.cpu or 0, what.cpu or lbpf.num_possible_cpus() - 1
  if what.pid and not what.cpu then
    first, last = -1, -1 -- wherever it runs
  end
  for cpu = first, last do
    local event, message, errno = lbpf.perf_event_open(what.attr, what.pid, cpu,
      what.cgroup and {cgroup = what.cgroup})
    local link
    if event then
      link, message, errno = prog:attach_perf_event(event)
    end
    if link then
      links[#links + 1] = link
    elseif errno ~= ENODEV or what.cpu then -- else that CPU is not online
      for _, made in ipairs(links) do
        made:destroy()
      end
      return nil, message, errno
    end
  end
  return links
end

perf_event[1] = {
  sec = "perf_event/",
  prog_type = "perf_event",
  prog_prepare_load_fn = function(prog)
    parse(prog:section_name())
  end,
  prog_attach_fn = function(prog)
    return perf_event.attach(prog, parse(prog:section_name()))
  end,
}

return perf_event
