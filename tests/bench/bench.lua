--- What the benchmark's Lua programs share. Each is run as PROGRAM OBJECT COUNT REPEATS, and prints
-- a line for each measurement: what was measured, nanoseconds for one, and a checksum.
local lbpf = require "lbpf"
local system = require "system"

local bench = {
  path = arg[1],
  count = tonumber(arg[2]),
  repeats = tonumber(arg[3]),
  now = system.monotime,
}

--- Opens and loads the object; OPTS.max_entries: those of its maps, by name.
function bench.load(max_entries)
  local object = assert(lbpf.open(bench.path))
  for name, n in pairs(max_entries or {}) do
    assert(object.maps[name]:set_max_entries(n))
  end
  assert(object:load())
  return object
end

--- Has the object's program produce so many.
function bench.produce(object, count)
  object.vars["state.count"] = count or bench.count
  assert(object.progs.produce:test_run())
end

--- How often a ring is drained before that is measured: then all its pages are mapped, twice as
-- many as it has, by the hypervisor as well.
bench.warm_up = 3

--- Prints a measurement. CHECKSUM is an integer, whatever its type.
function bench.report(what, seconds, checksum, count)
  print(("%s\t%.2f\t%.0f"):format(what, seconds / (count or bench.count) * 1e9, tonumber(checksum)))
end

--- Measures a function, which returns its checksum.
function bench.measure(what, fn, count)
  collectgarbage()
  local start = bench.now()
  local checksum = fn()
  bench.report(what, bench.now() - start, checksum, count)
end

return bench
