-- Draining a ring with lbpf, pushed to a function or pulled by a loop.
local bench = require "bench"
local lbpf = require "lbpf"

local object = bench.load()
local sum

-- In LuaJIT a new exact integer in a Lua variable is a new object; an array of the FFI has room.
local accumulator
if jit then
  accumulator = require("ffi").new("uint64_t[1]")
end

local function measure(what, opts, fn, pull, result)
  local ring = assert(lbpf.ring_buffer(object.maps.ring, not pull and fn or nil, opts))
  local function drain()
    sum = 0
    if pull then
      fn(ring)
    else
      assert(ring:consume() == bench.count)
    end
    return result and result() or sum
  end
  for _ = 1, bench.warm_up do
    bench.produce(object)
    drain()
  end
  bench.produce(object)
  bench.measure(what, drain)
  ring:close()
end

local function options(fields, numbers)
  return {type = "event", fields = fields, numbers = numbers}
end

local five = {"pid", "uid", "ts", "comm", "cookie"}

local function on_five(pid, uid, ts, comm, cookie)
  sum = sum + pid + uid + ts + #comm + cookie
end

local function pull_five(ring)
  for pid, uid, ts, comm, cookie in ring:events(0) do
    sum = sum + pid + uid + ts + #comm + cookie
  end
end

local function accumulate(pid, uid, ts, comm, cookie)
  accumulator[0] = accumulator[0] + pid + uid + ts + #comm + cookie
end

local function pull_accumulate(ring)
  for pid, uid, ts, comm, cookie in ring:events(0) do
    accumulator[0] = accumulator[0] + pid + uid + ts + #comm + cookie
  end
end

-- What was accumulated; the next drain starts from 0.
local function take()
  local total = tonumber(accumulator[0])
  accumulator[0] = 0
  return total
end

local function on_batch(n, pids, uids, times, comms, cookies)
  local total = sum
  for i = 1, n do
    total = total + pids[i] + uids[i] + times[i] + #comms[i] + cookies[i]
  end
  sum = total
end

local function on_table(e)
  sum = sum + e.pid + e.uid + e.ts + #e.comm + e.cookie
end

local function pull_table(ring)
  for e in ring:events(0) do
    sum = sum + e.pid + e.uid + e.ts + #e.comm + e.cookie
  end
end

-- Counts and sums by name, in tables of Lua, and by an aggregate.
local function measure_groups()
  local counts, sums = {}, {}
  measure("counts by name", options {"comm", "cookie"}, function(comm, cookie)
    counts[comm] = (counts[comm] or 0) + 1
    sums[comm] = (sums[comm] or 0) + cookie
  end, false, function()
    for comm, count in pairs(counts) do
      sum = sum + count + sums[comm]
      counts[comm], sums[comm] = nil, nil
    end
    return sum
  end)
  local by_name = lbpf.aggregate {by = "comm", sum = "cookie"}
  measure("counts by name, aggregate", options(), by_name, false, function()
    for _, row in ipairs(by_name:rows()) do
      sum = sum + row.count + row.sum.cookie
    end
    by_name:reset()
    return sum
  end)
end

for _ = 1, bench.repeats do
  measure("five fields", options(five), on_five)
  measure("five fields, pull", options(five), pull_five, true)
  measure("five fields, batch", {type = "event", fields = five, batch = true}, on_batch)
  if jit then
    measure("five fields, accumulator", options(five), accumulate, false, take)
    measure("five fields, accumulator, pull", options(five), pull_accumulate, true, take)
    measure("five fields, numbers", options(five, true), on_five)
    measure("five fields, numbers, pull", options(five, true), pull_five, true)
  end
  measure("two fields", options {"pid", "comm"}, function(pid, comm)
    sum = sum + pid + #comm
  end)
  measure("two fields, pull", options {"pid", "comm"}, function(ring)
    for pid, comm in ring:events(0) do
      sum = sum + pid + #comm
    end
  end, true)
  measure("whole event", options(), on_table)
  measure("whole event, pull", options(), pull_table, true)
  measure("whole event, reuse", {type = "event", reuse = true}, on_table)
  measure("whole event, reuse, pull", {type = "event", reuse = true}, pull_table, true)
  measure_groups()
  measure("bytes", nil, function(bytes)
    sum = sum + #bytes
  end)
  measure("bytes, pull", nil, function(ring)
    for bytes in ring:events(0) do
      sum = sum + #bytes
    end
  end, true)
end
