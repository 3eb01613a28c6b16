--- The value of a per-CPU map: a list with a value for each possible CPU, and these methods.
-- Values may be numbers, or structures with numbers as members; 64-bit integers stay exact.
-- @classmod per_cpu

local per_cpu = require("lbpf.core").per_cpu

-- The numbers of all CPUs: the values themselves, or the member FIELD of each.
local function numbers(values, field)
  local list = {}
  for cpu = 1, #values do
    local number = values[cpu]
    if field then
      number = number[field]
    end
    if type(number) ~= "number" and type(number) ~= "cdata" then
      error(("%s of CPU %d is not a number, but a %s"):format(field or "the value", cpu - 1,
        type(number)), 4)
    end
    list[cpu] = number
  end
  return list
end

-- Combines the numbers, two at a time.
local function fold(values, field, fn)
  local list = numbers(values, field)
  local result = list[1]
  for cpu = 2, #list do
    result = fn(result, list[cpu])
  end
  return result
end

--- The sum over all CPUs.
-- @function per_cpu:sum
-- @tparam ?string field the member of a structure
-- @treturn integer
-- @usage local hits = object.maps.hits:lookup(0) -- a list with a number for each CPU
-- print(hits:sum(), hits:max(), hits:min(), hits:avg())
function per_cpu:sum(field)
  return fold(self, field, function(a, b) return a + b end)
end

--- The largest value.
-- @function per_cpu:max
-- @tparam ?string field the member of a structure
-- @treturn integer
function per_cpu:max(field)
  return fold(self, field, function(a, b) return b > a and b or a end)
end

--- The smallest value.
-- @function per_cpu:min
-- @tparam ?string field the member of a structure
-- @treturn integer
function per_cpu:min(field)
  return fold(self, field, function(a, b) return b < a and b or a end)
end

--- The mean over all possible CPUs.
-- @function per_cpu:avg
-- @tparam ?string field the member of a structure
-- @treturn number
function per_cpu:avg(field)
  return tonumber(self:sum(field)) / #self
end

return per_cpu
