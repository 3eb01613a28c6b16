--- What the benchmark runs, and what it expects.
local plan = {}

plan.peers = {
  "C", "Go", "Python, as bcc", "LuaJIT FFI", "bpftrace", "Lua 5.4 alone", "LuaJIT alone",
  "lbpf, Lua 5.4", "lbpf, LuaJIT",
}

local function lbpf(command, lua)
  return ("LUA_PATH='lua/?.lua;lua/?/init.lua;tests/bench/?.lua;;' LUA_CPATH='build/%s/?.so;;' " ..
    command):format(lua, lua)
end

--- The commands of a workload: a Lua program's for both Luas, and those of others. %s is the Lua.
local function peers(program, others)
  local command = program:find " " and program or "%s tests/bench/" .. program
  local all = {
    ["lbpf, Lua 5.4"] = lbpf(command, "lua5.4"),
    ["lbpf, LuaJIT"] = lbpf(command, "luajit"),
  }
  for peer, other in pairs(others or {}) do
    all[peer] = other
  end
  return all
end

--- The sum of what N events have.
local function five(n)
  return 5 * (n * (n - 1) // 2) + n * (1000 + 13 + (1 << 32))
end

local function two(n)
  return n * (n - 1) // 2 + 13 * n
end

local function groups(n)
  return n * (n - 1) // 2 + n * ((1 << 32) + 1)
end

local function bytes(n)
  return 40 * n
end

--- Each workload: its commands by peer, each of which gets the object and `arguments`, or `quick`
-- ones; whether they need `one_cpu`; and its rows in the order of the table. A row: its name; the
-- checksum that each program must arrive at, a function of the first argument; the row whose figure
-- in C it is compared with, its own if nil, none if false; and the targets for Lua 5.4 and LuaJIT,
-- functions of what was measured.
plan.workloads = {}

local function workload(w)
  plan.workloads[#plan.workloads + 1] = w
end

local function at_most(ns)
  return function()
    return ns
  end
end

--- At most so many times what ROW takes in others, by peer: {C = 9, Go = 1.4}.
local function times(row, factors)
  return function(measured)
    local most = math.huge
    for peer, factor in pairs(factors) do
      most = math.min(most, factor * measured(row, peer))
    end
    return most
  end
end

--- No slower than push: within what two runs of the same differ.
local function as_push(row)
  return function(measured, peer)
    return measured(row, peer) * 1.05
  end
end

workload {
  name = "drain",
  one_cpu = true,
  title = "Draining a ring buffer",
  unit = "ns an event",
  object = "drain",
  arguments = {300000, 4},
  quick = {10000, 1},
  peers = peers("drain.lua", {
    C = "build/bench/drain",
    Go = "build/bench/drain-go",
    ["Python, as bcc"] = "/usr/bin/python3 tests/bench/drain.py",
    ["LuaJIT FFI"] = "luajit tests/bench/drain_ffi.lua",
    ["Lua 5.4 alone"] = "build/bench/floor",
    ["LuaJIT alone"] = lbpf("%s tests/bench/floor.lua", "luajit"),
  }),
  rows = {
    {"five fields", five, nil, times("five fields", {C = 9, Go = 1.4}),
      times("five fields", {Go = 0.9})},
    {"five fields, pull", five, "five fields", as_push "five fields", as_push "five fields"},
    {"five fields, batch", five, "five fields", times("five fields", {C = 6})},
    {"five fields, accumulator", five, "five fields", nil,
      times("five fields", {C = 3, Go = 0.4})},
    {"five fields, accumulator, pull", five, "five fields", nil,
      as_push "five fields, accumulator"},
    {"five fields, numbers", five, "five fields"},
    {"five fields, numbers, pull", five, "five fields"},
    {"two fields", two, nil, times("two fields", {C = 6}), times("two fields", {C = 3})},
    {"two fields, pull", two, "two fields", as_push "two fields", as_push "two fields"},
    {"whole event", five, "five fields", times("whole event", {Go = 0.8}),
      times("whole event", {Go = 0.6})},
    {"whole event, pull", five, "five fields", as_push "whole event", as_push "whole event"},
    {"whole event, reuse", five, "five fields", times("five fields", {C = 22}),
      times("five fields", {C = 12})},
    {"whole event, reuse, pull", five, "five fields", as_push "whole event, reuse",
      as_push "whole event, reuse"},
    {"counts by name", groups},
    {"counts by name, aggregate", groups, "counts by name",
      times("counts by name", {C = 6, Go = 0.5}), times("counts by name", {C = 6, Go = 0.5})},
    {"bytes", bytes},
    {"bytes, pull", bytes, "bytes", as_push "bytes", as_push "bytes"},
  },
}

--- Three times the batches of C, and faster than Go.
local function iteration(measured)
  return math.min(3 * measured("in batches", "C"), measured("one by one", "Go"))
end

local function entries(n)
  return five(n) + n * (n - 1) // 2
end

workload {
  name = "iterate",
  one_cpu = true,
  title = "Reading a hash map of a million entries",
  unit = "ns an entry",
  object = "iterate",
  arguments = {1000000, 2},
  quick = {10000, 1},
  peers = peers("iterate.lua", {C = "build/bench/iterate", Go = "build/bench/iterate-go"}),
  rows = {
    {"in batches", entries},
    {"one by one", entries},
    {"pairs, tables", entries, "in batches", iteration, iteration},
    {"pairs, a table reused", entries, "in batches", times("in batches", {C = 1.5}),
      times("in batches", {C = 1.5})},
    {"pairs, fields", entries, "in batches", iteration, iteration},
    {"pairs, fields, numbers", entries, "in batches"},
  },
}

local function cookies(n)
  local rounds, rest = n // 1024, n % 1024
  return (n << 32) + rounds * (1023 * 1024 // 2) + rest * (rest - 1) // 2
end

local function none()
  return 0
end

local function call(name, checksum, c)
  local target = times(c or name, {C = 1.5})
  return {name, checksum, c, target, target}
end

workload {
  name = "calls",
  one_cpu = true,
  title = "One call",
  unit = "ns a call",
  object = "iterate",
  arguments = {300000, 2},
  quick = {10000, 1},
  peers = peers("calls.lua", {C = "build/bench/calls"}),
  rows = {
    call("lookup of a count", cookies),
    call("lookup of a struct", cookies),
    call("lookup of a struct, into a table", cookies, "lookup of a struct"),
    call("lookup of a struct, one field", cookies, "lookup of a struct"),
    call("update of a count", none),
    call("update of a struct", none),
    {"variable", function(n) return 7 * n end, nil, times("lookup of a count", {C = 0.2}),
      times("lookup of a count", {C = 0.2})},
  },
}

local function within_3_percent(measured)
  return measured("open, load, attach", "C") * 1.03
end

workload {
  name = "startup",
  one_cpu = true,
  title = "Starting",
  unit = "µs",
  divisor = 1000,
  object = "startup",
  arguments = {8},
  quick = {2},
  times = 5, -- in a round: taking turns more often, for the figures drift
  peers = peers("startup.lua", {C = "build/bench/startup"}),
  rows = {
    {"open, load, attach", function() return 12 end, nil, within_3_percent, within_3_percent},
  },
}

workload {
  name = "require",
  one_cpu = true,
  title = 'require "lbpf"',
  unit = "µs",
  divisor = 1000,
  arguments = {},
  times = 5, -- in a round, for each process measures once
  peers = peers("require.lua", {C = "build/bench/dlopen"}),
  rows = {{"require", none, nil, times("require", {C = 3}), times("require", {C = 3})}},
}

local function ten_mib_more(measured, peer)
  return measured("interpreter", peer) + 10240
end

local function fifth(row)
  return times(row, {bpftrace = 1 / 5})
end

workload {
  name = "first",
  title = "From a tracer's start to its first event",
  unit = "ms",
  divisor = 1000000,
  arguments = {},
  peers = peers("tests/bench/first_event %s", {bpftrace = "tests/bench/first_event bpftrace"}),
  rows = {
    {"no event", none, nil, fifth "no event", fifth "no event"},
    {"a file is opened", none, nil, fifth "a file is opened", fifth "a file is opened"},
    {"the kernel's types", none, nil, fifth "the kernel's types", fifth "the kernel's types"},
  },
}

workload {
  name = "memory",
  title = "Memory at its peak",
  unit = "KiB",
  arguments = {},
  peers = peers("tests/bench/memory %s", {
    ["Python, as bcc"] = "tests/bench/memory /usr/bin/python3",
    bpftrace = "tests/bench/memory bpftrace",
  }),
  rows = {
    {"interpreter", none},
    {"library", none},
    {"tracing", none, nil, ten_mib_more, ten_mib_more},
  },
}

workload {
  name = "syscalls",
  title = "A million reads of a variable",
  unit = "system calls",
  object = "iterate",
  arguments = {1000000},
  quick = {10000},
  peers = peers("tests/bench/syscalls %s tests/bench/reads.lua"),
  rows = {{"system calls", none, nil, at_most(10), at_most(10)}}, -- of the allocator
}

--- Where C loses none.
local function as_c(row)
  return function(measured)
    local lost = measured(row, "C")
    return lost == 0 and 0 or math.huge
  end
end

local function rate(n)
  local row = ("%d a second"):format(n)
  return {row, function() return n end, false, as_c(row), as_c(row)}
end

workload {
  name = "loss",
  title = "Events from another process, through a ring of 1 MiB",
  unit = "events lost in a second",
  object = "drain",
  arguments = {1000000, 2000000, 4000000},
  quick = {100000},
  peers = peers("loss.lua", {C = "build/bench/loss"}),
  rows = {rate(100000), rate(1000000), rate(2000000), rate(4000000)},
}

local function events(n)
  return n * 1000000
end

workload {
  name = "soak",
  title = "Growth over 100 million events",
  unit = "KiB",
  object = "drain",
  arguments = {100},
  quick = {2},
  soak = true, -- only when asked for
  peers = peers("soak.lua"),
  rows = {
    {"fields", events, nil, at_most(1024), at_most(1024)},
    {"tables", events, nil, at_most(1024), at_most(1024)},
    {"tables, reuse", events, nil, at_most(1024), at_most(1024)},
    {"fields, batch", events, nil, at_most(1024), at_most(1024)},
    {"aggregate", events, nil, at_most(1024), at_most(1024)},
    {"fields, pull", events, nil, at_most(1024), at_most(1024)},
  },
}

return plan
