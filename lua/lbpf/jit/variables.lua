-- Reads global variables: for each type a function is generated that reads the mapped memory.
local ffi = require "ffi"
local core = require "lbpf.core"
local expression = require "lbpf.jit.expression"

local ALIGNED = 8

local READ = [[
return function(d)
  return VALUES
end
]]

-- Variables of the same type share their functions.
local functions = {}

-- What reads the variable: `read`, which is called with the `address`; and its `object`.
-- @return nil if it cannot be told yet; false if it is not compiled
return function(vars, name)
  local object, memory, offset, type = core.compiled_variable(vars, name)
  if not object then
    return nil
  end
  local base = offset % ALIGNED
  local list = expression.list(type, base)
  if not list then
    return false
  end
  local source = expression.fill(READ, {VALUES = list[1]})
  functions[source] = functions[source] or expression.load(source)
  return {
    read = functions[source],
    address = ffi.cast("uint8_t *", memory) + (offset - base),
    object = ffi.cast("void *", object),
  }
end
