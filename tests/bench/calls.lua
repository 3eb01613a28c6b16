-- One lookup, one update, and one read of a variable, with lbpf.
local bench = require "bench"

local KEYS = 1024
local BASE = 2 ^ 32

local object = bench.load {counts = KEYS, table = KEYS}
bench.produce(object, KEYS)
local counts, structs, vars = object.maps.counts, object.maps.table, object.vars
local cookies = structs:view {fields = {"cookie"}}

local function lookup_count()
  local sum = 0
  for i = 0, bench.count - 1 do
    sum = sum + counts:lookup(i % KEYS)
  end
  return sum
end

local function lookup_struct()
  local sum = 0
  for i = 0, bench.count - 1 do
    sum = sum + structs:lookup(i % KEYS).cookie
  end
  return sum
end

local function lookup_into()
  local sum, into = 0, {}
  for i = 0, bench.count - 1 do
    sum = sum + structs:lookup(i % KEYS, into).cookie
  end
  return sum
end

local function lookup_field()
  local sum = 0
  for i = 0, bench.count - 1 do
    sum = sum + cookies:lookup(i % KEYS)
  end
  return sum
end

local function update_count()
  for i = 0, bench.count - 1 do
    counts:update(i % KEYS, BASE + i % KEYS)
  end
  return 0
end

local value = {uid = 1000, comm = "hello-world"}

local function update_struct()
  for i = 0, bench.count - 1 do
    local key = i % KEYS
    value.cookie = BASE + key
    structs:update(key, value)
  end
  return 0
end

local function variable()
  local sum = 0
  for _ = 1, bench.count do
    sum = sum + vars.number
  end
  return sum
end

for _ = 1, bench.repeats do
  bench.measure("lookup of a count", lookup_count)
  bench.measure("lookup of a struct", lookup_struct)
  bench.measure("lookup of a struct, into a table", lookup_into)
  bench.measure("lookup of a struct, one field", lookup_field)
  bench.measure("update of a count", update_count)
  bench.measure("update of a struct", update_struct)
  bench.measure("variable", variable)
end
