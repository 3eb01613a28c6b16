-- Reads global variables: for each type a function is generated that decodes a copy.
local ffi = require "ffi"
local core = require "lbpf.core"
local expression = require "lbpf.jit.expression"

local bytes_type = ffi.typeof "uint8_t[?]"

-- Returns nil if C must decode the value, because its members do not say all.
local DECODE = "return function(d, checks) return VALUES end"
local DECODE_CHECKED = [[
return function(d, checks)
  if says_all(checks, d) ~= 0 then
    return VALUES
  end
end
]]

-- Variables of the same type share their functions.
local functions = {}

-- What a variable is read with: its `vars`, `address` and `size`; `bytes` for a copy; its `checks`;
-- and `decode`, which is called with these two.
-- @return nil if it cannot be told yet; false if it is not compiled
return function(vars, name)
  local list_of, address, type = core.compiled_variable(vars, name)
  if not list_of then
    return nil
  end
  local list = expression.fixed_list(type)
  if not list then
    return false
  end
  local checks = expression.new_checks(type)
  local source = expression.fill(checks and DECODE_CHECKED or DECODE, {VALUES = list[1]})
  functions[source] = functions[source] or expression.load(source)
  return {
    vars = ffi.cast("void *", list_of),
    address = ffi.cast("void *", address),
    size = type.size,
    bytes = bytes_type(type.size),
    checks = checks,
    decode = functions[source],
  }
end
