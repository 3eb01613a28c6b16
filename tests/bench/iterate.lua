-- Reading a whole hash map with lbpf: tables, and a value for each field.
local bench = require "bench"

local object = bench.load()
bench.produce(object)
local map = object.maps.table

local function tables()
  local sum = 0
  for key, e in map:pairs() do
    sum = sum + key + e.pid + e.uid + e.ts + #e.comm + e.cookie
  end
  return sum
end

local function reused()
  local sum = 0
  for key, e in map:pairs {reuse = true} do
    sum = sum + key + e.pid + e.uid + e.ts + #e.comm + e.cookie
  end
  return sum
end

local function fields(view)
  return function()
    local sum = 0
    for key, pid, uid, ts, comm, cookie in view:pairs() do
      sum = sum + key + pid + uid + ts + #comm + cookie
    end
    return sum
  end
end

local five = {"pid", "uid", "ts", "comm", "cookie"}
local by_fields = fields(map:view {fields = five})
local by_numbers = fields(map:view {fields = five, numbers = true})

for _ = 1, bench.repeats do
  bench.measure("pairs, tables", tables)
  bench.measure("pairs, a table reused", reused)
  bench.measure("pairs, fields", by_fields)
  if jit then
    bench.measure("pairs, fields, numbers", by_numbers)
  end
end
