-- The source of Lua functions that write values of BTF types through FFI, with the same results
-- as the codec in C. Types that are not supported here, and invalid values, are left to C, which
-- raises errors.
local ffi = require "ffi"
local expression = require "lbpf.jit.expression"

local EXACT = 2 ^ 53

local writer = {}

-- What the functions refer to, besides the environment of expressions.
writer.environment = {
  type = type, istype = ffi.istype, copy = ffi.copy, fill = ffi.fill, pairs = pairs,
  getmetatable = getmetatable, s64 = ffi.typeof "int64_t", u64 = ffi.typeof "uint64_t",
}

-- Each writes at `d` and returns true; false if the value does not fit. A number that is out of
-- range or not exact is detected by reading it back.
local SCALARS = [[
local type, istype, copy, fill, pairs = type, istype, copy, fill, pairs
local getmetatable, origins, s64, u64 = getmetatable, origins, s64, u64

local function put_bool(d, value)
  d[0] = value and 1 or 0
  return type(value) == "boolean"
end

local function put_string(d, value, size, least)
  if type(value) ~= "string" or #value > size or #value < least then
    return false
  end
  copy(d, value, #value)
  return true
end
]]

local INTEGER = [[
local function put_TYPE(d, value)
  if type(value) ~= "number" then
    return false
  end
  d = cast(TYPE, d)
  d[0] = value
  return d[0] == value
end
]]

local INTEGER_64 = [[
local function put_TYPE(d, value)
  d = cast(TYPE, d)
  if type(value) == "number" then
    if value < LEAST or value > MOST then
      return false
    end
    d[0] = value
    return tonumber(d[0]) == value
  elseif istype(u64, value) or istype(s64, value) then
    d[0] = value
    return true
  end
  return false
end
]]

local FLOAT = [[
local function put_TYPE(d, value)
  if type(value) ~= "number" then
    return false
  end
  cast(TYPE, d)[0] = value
  return true
end
]]

local SCALAR = [[
local function NAME(d, value)
  fill(d, SIZE)
  return PUT
end
]]

-- A member that the table does not have is zero. If the table has other keys, C raises the error.
local STRUCT = [[
local function NAME(d, value)
  if type(value) ~= "table" or getmetatable(value) ~= nil ORIGIN then
    return false
  end
  local n, v = 0
  for _ in pairs(value) do
    n = n + 1
  end
  fill(d, SIZE)
  MEMBERS
  return n == 0
end
]]

local MEMBER = [[
  v = value[%q]
  if v ~= nil then
    n = n - 1
    if not %s then
      return false
    end
  end
]]

local function fill(template, type)
  local is_signed = type:sub(1, 1) == "s"
  return expression.fill(template, {TYPE = type, LEAST = is_signed and -EXACT or 0, MOST = EXACT})
end

-- The beginning of each chunk.
writer.PROLOGUE = SCALARS .. fill(INTEGER, "u1") .. fill(INTEGER, "u2") .. fill(INTEGER, "u4")
  .. fill(INTEGER, "s1") .. fill(INTEGER, "s2") .. fill(INTEGER, "s4")
  .. fill(INTEGER_64, "u8") .. fill(INTEGER_64, "s8") .. fill(FLOAT, "f4") .. fill(FLOAT, "f8")

-- The expression that writes VALUE at the step's offset; nil if it is not supported.
local function put(step, value)
  local at = ("d + %d, %s"):format(step.offset, value)
  local kind = step.kind
  if step.bits ~= 0 or step.is_flexible then
    return nil
  elseif kind == "unsigned" or kind == "signed" or kind == "enum" then
    return step.size <= 8 and ("put_%s%d(%s)"):format(expression.is_signed(step) and "s" or "u",
      step.size, at) or nil
  elseif kind == "bool" and step.size == 1 then
    return ("put_bool(%s)"):format(at)
  elseif kind == "float" and step.size <= 8 then
    return ("put_f%d(%s)"):format(step.size, at)
  elseif kind == "string" or kind == "bytes" then
    return ("put_string(%s, %d, %d)"):format(at, step.size, kind == "bytes" and step.size or 0)
  end
end

local MOST_MEMBERS = 50

-- The source of a function of this name, which is called with a pointer and a value; nil if the
-- type is not supported.
function writer.source(name, type)
  local step = type[1]
  if not type.whole then
    return nil
  elseif step.kind ~= "struct" then
    local source = put(step, "value")
    return source and expression.fill(SCALAR, {NAME = name, SIZE = type.size, PUT = source})
  elseif step.count > MOST_MEMBERS or step.is_union then
    return nil
  end
  local members = {}
  for i = 1, step.count do
    local source = put(step[i], "v")
    if not source then
      return nil
    end
    members[i] = MEMBER:format(step[i].name, source)
  end
  local keeps = step.is_lossy or type.numbers
  return expression.fill(STRUCT, {NAME = name, SIZE = type.size, MEMBERS = table.concat(members),
    ORIGIN = keeps and "or origins[value] ~= nil" or ""})
end

return writer
