-- Looks up and updates elements of maps, and steps over them, by functions that are generated for
-- each pair of types. What they do not support, and errors, are left to the methods in C.
local ffi = require "ffi"
local core = require "lbpf.core"
local expression = require "lbpf.jit.expression"
local filler = require "lbpf.jit.filler"
local layout = require "lbpf.jit.layout"
local of_many = require "lbpf.jit.closures"
local writer = require "lbpf.jit.writer"

local ALIGNED = 8
local LARGEST = 4096

local environment = setmetatable({
  slow_lookup = core.map_lookup, slow_update = core.map_update, slow_step = core.map_step,
  rawget = rawget, rawset = rawset,
}, {__index = writer.environment})

-- A finalizer that runs at an allocation may call these for the same map: while one is busy, the
-- other calls C. An error leaves it busy, which makes later calls slower, but not wrong.
local LOOKUP = [[
local look_up, slow = LOOKUP, slow_lookup
return function(self, key, e, into)
  if e.busy == 0 then
    e.busy = 1
    if put_key(e.bytes, key) then
      local status = look_up(e)
      if status == 0 then
        local d, checks = e.bytes + VALUEAT, e.checks
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
  return slow(self, key, into)
end
]]

local UPDATE = [[
local update, slow = update, slow_update
return function(self, key, value, e)
  if e.busy == 0 then
    e.busy = 1
    local done = put_key(e.bytes, key) and put_value(e.bytes + VALUEAT, value) and update(e) == 0
    e.busy = 0
    if done then
      return self
    end
  end
  return slow(self, key, value)
end
]]

-- If a finalizer steps the same walk, C raises an error.
local STEP = [[
local next_element, slow = next_element, slow_step
return function(w, rest)
  local at = next_element(w)
  if at >= 0 then
    local d, checks = w.keys + at * KEYSIZE, w.key_checks
    local key = KEY
    d, checks = w.values + at * VALUESIZE, w.value_checks
    local NAMES = VALUES
    w.stepping = 0
    return key, NAMES
  end
  return slow(rest.walk, rest.names, rest.again)
end
]]

-- Maps of the same types share their functions.
local functions = {}

local function load(source)
  functions[source] = functions[source] or expression.load(source, environment)
  return functions[source]
end

local function lookup_for(put_key, values, value_at, is_checked)
  return put_key and values and load(writer.PROLOGUE .. put_key .. expression.fill(LOOKUP,
    {VALUES = table.concat(values, ", "), NAMES = expression.names(#values), ENOENT = 2,
      VALUEAT = value_at, LOOKUP = is_checked and "look_up_checked" or "look_up"}))
end

-- The same, into a table; nil if values are no tables.
local function fill_for(put_key, values, value, value_at, is_checked)
  local fill = put_key and values and filler.source("refill", value)
  return fill and lookup_for(filler.PROLOGUE .. fill .. put_key,
    {"refill(into, d, nil, checks)"}, value_at, is_checked)
end

local function update_for(put_key, put_value, value_at)
  return put_key and put_value and load(writer.PROLOGUE .. put_key .. put_value
    .. expression.fill(UPDATE, {VALUEAT = value_at}))
end

local new_iterator = of_many(function(step, w, rest)
  return function()
    return step(w, rest)
  end
end)

local function step_for(fill, key, value, keys, values)
  return load(fill .. expression.fill(STEP, {
    KEY = keys[1], KEYSIZE = key.size, VALUESIZE = value.size,
    VALUES = table.concat(values, ", "), NAMES = expression.names(#values),
  }))
end

-- The same; tables are filled again.
local function step_again_for(key, value, keys, values)
  local fill_key = filler.source("refill_key", key)
  local fill_value = filler.source("refill_value", value)
  return step_for(filler.PROLOGUE .. (fill_key or "") .. (fill_value or ""), key, value,
    fill_key and {"refill_key(rest.again[1], d, nil, checks)"} or keys,
    fill_value and {"refill_value(rest.again[2], d, nil, checks)"} or values)
end

local function walk_for(key, value, values)
  local keys = expression.fixed_list(key)
  local step_new = keys and values and step_for("", key, value, keys, values)
  local step_again
  return step_new and function(at, walk, names, again)
    local w, rest = ffi.cast(layout.walk, at), {walk = walk, names = names, again = again}
    local step = step_new
    if again then
      step_again = step_again or step_again_for(key, value, keys, values)
      step = step_again
    end
    rest.key_checks, rest.value_checks = expression.new_checks(key), expression.new_checks(value)
    w.key_checks, w.value_checks = rest.key_checks, rest.value_checks -- which are kept there
    return new_iterator(step, w, rest)
  end
end

-- What is compiled for a map: `lookup` and `update`, which are called with the `element` as an
-- argument more; `fill`, which looks up and has the table to fill as another; and `walk`, which is
-- called with the address of a walk, the walk, its names and the tables to fill again, or nil, and
-- returns an iterator. The other arguments are the addresses of the functions that they
-- call.
-- @return nil if it cannot be told yet; false if nothing is compiled
return function(map, look_up, look_up_checked, update, next_element)
  local at, key, value = core.compiled_map(map)
  if not at then
    return at
  end
  if key.size + value.size > LARGEST then
    return false
  end
  environment.origins = value.origins
  environment.look_up = environment.look_up or ffi.cast("int (*)(void *)", look_up)
  environment.look_up_checked = environment.look_up_checked
    or ffi.cast("int (*)(void *)", look_up_checked)
  environment.update = environment.update or ffi.cast("int (*)(void *)", update)
  environment.next_element = environment.next_element
    or ffi.cast("int32_t (*)(void *)", next_element)
  local put_key, values = writer.source("put_key", key), expression.fixed_list(value)
  local value_at = math.ceil(key.size / ALIGNED) * ALIGNED
  local checks = expression.new_checks(value)
  return {
    lookup = lookup_for(put_key, values, value_at, checks ~= nil),
    fill = fill_for(put_key, values, value, value_at, checks ~= nil),
    update = update_for(put_key, writer.source("put_value", value), value_at),
    walk = walk_for(key, value, values),
    element = layout.element(value_at + value.size,
      {map = at, value_at = value_at, checks = checks}),
    checks = checks, -- which are kept with the element
  }
end
