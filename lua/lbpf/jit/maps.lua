-- Looks elements of maps up, updates them and steps over them: for each type of maps functions
-- are generated. Keys that are looked up or updated are integers. Whatever else these get, and what
-- goes wrong, is left to the methods in C, which know what to say. core/mapcompiled.c and
-- core/mapwalk.h have the structures.
local ffi = require "ffi"
local core = require "lbpf.core"
local expression = require "lbpf.jit.expression"

local LARGEST_VALUE = 4096
local EXACT = 2 ^ 53

local INTEGERS = [[
  uint8_t NAME_u1; uint16_t NAME_u2; uint32_t NAME_u4; uint64_t NAME_u8;
  int8_t NAME_s1; int16_t NAME_s2; int32_t NAME_s4; int64_t NAME_s8;
]]

local element_type = ffi.typeof(([[struct {
  const void *map;
  int32_t busy, unused;
  union { %s };
  union { %s };
  uint8_t value[?];
}]]):format(INTEGERS:gsub("NAME", "key"), (INTEGERS:gsub("NAME", "new"))))

local walk_type = ffi.typeof [[struct {
  uint8_t *keys, *values; uint32_t n, at; int32_t stepping;
} *]]

local environment = {
  type = type, istype = ffi.istype, s64 = ffi.typeof "int64_t", u64 = ffi.typeof "uint64_t",
  slow_lookup = core.map_lookup, slow_update = core.map_update,
}

-- Writes an integer, and is true; false if it is none that fits. What was not exact, as numbers out
-- of range are not, is not read back as it was.
local PUT = [[
local type, istype, s64, u64 = type, istype, s64, u64
local function NAME(e, value)
  if type(value) == "number" then
    e.FIELD = value
    return e.FIELD == value
  end
  return false
end
]]

local PUT_64 = [[
local type, istype, s64, u64 = type, istype, s64, u64
local function NAME(e, value)
  if type(value) == "number" then
    if value < LEAST or value > MOST then
      return false
    end
    e.FIELD = value
    return tonumber(e.FIELD) == value
  elseif istype(u64, value) or istype(s64, value) then
    e.FIELD = value
    return true
  end
  return false
end
]]

-- An allocation may run a finalizer that calls these for the same map: while one is busy there is
-- no room for another. An error leaves it busy: that takes time from then on, and nothing else.
local LOOKUP = [[
local look_up, slow = look_up, slow_lookup
return function(self, key, e)
  if e.busy == 0 then
    e.busy = 1
    if put_key(e, key) then
      local status = look_up(e)
      if status == 0 then
        local d = e.value
        local NAMES = VALUES
        e.busy = 0
        return NAMES
      elseif status == ENOENT then
        e.busy = 0
        return nil
      end
    end
    e.busy = 0
  end
  return slow(self, key)
end
]]

local UPDATE = [[
local update, slow = update, slow_update
return function(self, key, value, e)
  if e.busy == 0 then
    e.busy = 1
    local done = put_key(e, key) and put_value(e, value) and update(e) == 0
    e.busy = 0
    if done then
      return self
    end
  end
  return slow(self, key, value)
end
]]

-- A finalizer that steps as well finds the walk stepping, and gets C's error.
local STEP = [[
local next_element = next_element
return function(w, slow)
  local at = next_element(w)
  if at >= 0 then
    local d = w.keys + at * KEYSIZE
    local key = KEY
    d = w.values + at * VALUESIZE
    local NAMES = VALUES
    w.stepping = 0
    return key, NAMES
  end
  return slow()
end
]]

-- The source of a function that writes a value of a type; nil if that is no integer.
local function put(type, name, prefix)
  local step = type[1]
  local is_integer = step.kind == "unsigned" or step.kind == "signed" or step.kind == "enum"
  if not type.whole or not is_integer or step.size > 8 then
    return nil
  end
  local is_signed = expression.is_signed(step)
  local with = {NAME = name, FIELD = prefix .. (is_signed and "_s" or "_u") .. step.size,
    LEAST = is_signed and -EXACT or 0, MOST = EXACT}
  return expression.fill(step.size == 8 and PUT_64 or PUT, with)
end

-- Maps of the same types share their functions.
local functions = {}

local function load(source)
  functions[source] = functions[source] or expression.load(source, environment)
  return functions[source]
end

local function lookup_for(put_key, values)
  return put_key and values and load(put_key .. expression.fill(LOOKUP,
    {VALUES = table.concat(values, ", "), NAMES = expression.names(#values), ENOENT = 2}))
end

local function update_for(put_key, value)
  local put_value = put(value, "put_value", "new")
  return put_key and put_value and load(put_key .. put_value .. UPDATE)
end

local new_iterator = expression.of_many(function(step, w, slow)
  return function()
    return step(w, slow)
  end
end)

local function walk_for(key, value, values)
  local keys = expression.list(key)
  local step = keys and values and load(expression.fill(STEP, {
    KEY = keys[1], KEYSIZE = key.size, VALUESIZE = value.size,
    VALUES = table.concat(values, ", "), NAMES = expression.names(#values),
  }))
  return step and function(at, slow)
    return new_iterator(step, ffi.cast(walk_type, at), slow)
  end
end

-- What is compiled for a map: `lookup` and `update`, which are called with the `element` as an
-- argument more; and `walk`, which is called with the address of a walk and what steps it, and
-- returns an iterator. LOOK_UP, UPDATE and NEXT_ELEMENT are the addresses of the functions that
-- they call.
-- @return nil if it cannot be told yet; false if nothing is compiled
return function(map, look_up, update, next_element)
  local at, key, value = core.compiled_map(map)
  if not at then
    return at
  end
  if value.size > LARGEST_VALUE then
    return false
  end
  environment.look_up = environment.look_up or ffi.cast("int (*)(void *)", look_up)
  environment.update = environment.update or ffi.cast("int (*)(void *)", update)
  environment.next_element = environment.next_element
    or ffi.cast("int32_t (*)(void *)", next_element)
  local put_key, values = put(key, "put_key", "key"), expression.list(value)
  return {
    lookup = lookup_for(put_key, values),
    update = update_for(put_key, value),
    walk = walk_for(key, value, values),
    element = element_type(value.size, {map = at}),
  }
end
