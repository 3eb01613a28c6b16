-- Reads global variables: for each type a function is generated that decodes a copy.
local ffi = require "ffi"
local core = require "lbpf.core"
local expression = require "lbpf.jit.expression"

local bytes_type = ffi.typeof "uint8_t[?]"

-- Returns whether there is a value, and that.
local DECODE = [[
local checks = CHECKS
return function(d)
  if SAYSALL then
    return true, VALUES
  end
  return false
end
]]

-- Variables of the same type share their functions.
local functions = {}

-- What a variable is read with: its `vars`, `address` and `size`; `bytes` for a copy; and
-- `decode`, which is called with these.
-- @return nil if it cannot be told yet; false if it is not compiled
return function(vars, name)
  local list_of, address, type = core.compiled_variable(vars, name)
  if not list_of then
    return nil
  end
  local list, checks = expression.fixed_list(type), expression.checks(type)
  if not list then
    return false
  end
  local source = expression.fill(DECODE, {VALUES = list[1], CHECKS = checks,
    SAYSALL = checks == "nil" and "true" or "says_all(checks, d) ~= 0"})
  functions[source] = functions[source] or expression.load(source)
  return {
    vars = ffi.cast("void *", list_of),
    address = ffi.cast("void *", address),
    size = type.size,
    bytes = bytes_type(type.size),
    decode = functions[source],
  }
end
