-- The source of Lua expressions that read values of BTF types through FFI, with the same results
-- as the codec in C. core/btf/codec_describe.c documents the descriptions of types. Types that
-- are not supported here, for example bit fields, are decoded in C.
local ffi = require "ffi"
local core = require "lbpf.core"
local layout = require "lbpf.jit.layout"

local LONGEST_ARRAY = 32
local LONGEST_SOURCE = 20000
local MOST_VALUES = 100 -- a function has no more than 200 local variables

pcall(ffi.cdef, [[int lbpf_strnlen(const void *, int) __asm__("strnlen");]])

local expression = {}

-- What the expressions refer to, besides `d`, a pointer to the data, and its `checks`.
local environment = {
  cast = ffi.cast, str = ffi.string, strnlen = ffi.C.lbpf_strnlen, tonumber = tonumber,
  min = math.min, max = math.max,
  says_all = ffi.cast("int (*)(void *, const void *)", core.codec_says_all()),
}

-- Pointer types: "uint32_t" is u4, "int64_t" is s8, "float" is f4.
for _, size in ipairs {1, 2, 4, 8} do
  environment["u" .. size] = ffi.typeof(("uint%d_t *"):format(8 * size))
  environment["s" .. size] = ffi.typeof(("int%d_t *"):format(8 * size))
end
environment.f4, environment.f8 = ffi.typeof "float *", ffi.typeof "double *"

-- Upvalues of the functions in a chunk, which the trace compiler treats as constants.
local PROLOGUE = [[
local cast, str, strnlen, tonumber, min, max = cast, str, strnlen, tonumber, min, max
local says_all = says_all
local u1, u2, u4, u8, s1, s2, s4, s8, f4, f8 = u1, u2, u4, u8, s1, s2, s4, s8, f4, f8
]]

local of

-- Reads a value at an offset of the data, if it is aligned: traces support nothing else.
local function load(prefix, step, at)
  if at % step.size == 0 and environment[prefix .. step.size] and step.bits == 0 then
    return ("cast(%s%d, d + %d)[0]"):format(prefix, step.size, at)
  end
end

local function integer(step, at, type)
  local value = load(expression.is_signed(step) and "s" or "u", step, at)
  if value and step.size == 8 and type.numbers then
    return "tonumber(" .. value .. ")"
  end
  return value
end

-- Joins a list of expressions; nil if one of them is missing.
local function join(list, n)
  for i = 1, n do
    if not list[i] then
      return nil
    end
  end
  return table.concat(list, ", ")
end

local kinds = {unsigned = integer, signed = integer}

function kinds.enum(step, at, type)
  return not type.enum_names and integer(step, at, type) or nil
end

function kinds.bool(step, at)
  local value = load("u", step, at)
  return value and value .. " ~= 0"
end

function kinds.float(step, at)
  return load("f", step, at)
end

-- How long an array of char is that may end with the data; `size` is that of the data.
local function length(step, at, type)
  if step.is_flexible then
    return ("%s - %d"):format(type.fixed and type.size or "size", at)
  elseif type.whole or type.fixed or at + step.size <= expression.least(type) then
    return step.size
  end
  return ("min(size - %d, %d)"):format(at, step.size)
end

function kinds.string(step, at, type)
  local n = length(step, at, type)
  if step.limit then
    local limit = integer(step.limit, step.limit.offset, type)
    return limit and ("str(d + %d, max(0, min(tonumber(%s), %s)))"):format(at, limit, n)
  end
  if step.is_whole then
    return ("str(d + %d, %s)"):format(at, n)
  end
  local check = type.string_checks[at]
  if check then
    return ("str(d + %d, checks[%d].length)"):format(at, check)
  end
  return ("str(d + %d, strnlen(d + %d, %s))"):format(at, at, n)
end

function kinds.bytes(step, at)
  return ("str(d + %d, %d)"):format(at, step.size)
end

function kinds.struct(step, at, type)
  local members = {}
  for i = 1, step.count do
    local value = of(step[i], at - step.offset, type)
    members[i] = value and ("[%q] = %s"):format(step[i].name, value)
  end
  members = not step.is_union and join(members, step.count)
  return members and "{" .. members .. "}"
end

function kinds.array(step, at, type)
  if step.count > LONGEST_ARRAY or step.is_flexible or step.limit then
    return nil
  end
  local elements = {}
  for i = 1, step.count do
    elements[i] = of(step[1], at + (i - 1) * step.size, type)
  end
  elements = join(elements, step.count)
  return elements and "{" .. elements .. "}"
end

-- The value of a step, whose offset is relative to BASE; nil if it is not supported.
function of(step, base, type)
  return not step.may_lack and kinds[step.kind](step, base + step.offset, type) or nil
end

expression.value = of

-- What of a table's members could hold more than their values say: then C makes the table, and
-- keeps the bytes. core/btf/codec_exact.c has the numbers.
local check_kinds = {string = 1, bool = 2, float = 3, padding = 4}

local function add_checks(step, at, type)
  local list, kind = type.checks, check_kinds[step.kind]
  if step.kind == "struct" then
    for _, part in ipairs(step) do
      add_checks(part, at - step.offset + part.offset, type)
    end
  elseif step.kind == "array" then
    for i = 1, step.count do
      add_checks(step[1], at + (i - 1) * step.size + step[1].offset, type)
    end
  elseif type.numbers and step.size == 8 and (step.kind == "unsigned" or step.kind == "signed") then
    kind = step.kind == "signed" and 6 or 5
  end
  if kind and step.size > 0 and not step.is_whole then
    type.string_checks[at] = step.kind == "string" and #list or nil
    list[#list + 1] = {kind, at, step.size}
  end
end

local function find_checks(type)
  type.checks, type.string_checks = {}, {}
  for _, step in ipairs(type) do
    if step.kind == "struct" or step.kind == "array" then
      add_checks(step, step.offset, type)
    end
  end
end

-- The checks of a type with expressions; nil if there are none. C writes the lengths of strings
-- there: so what is checked at the same time needs checks of its own.
function expression.new_checks(type)
  local n = #type.checks
  if n == 0 then
    return nil
  end
  local checks = layout.checks(n + 1, type.checks)
  checks[n] = {0, 0, 0} -- the end; FFI leaves the rest of such an array as it is
  return checks
end

-- How many bytes the expressions need. Where an array ends early in a table C makes that.
function expression.least(type)
  local least = type.least
  for _, step in ipairs(type) do
    if step.kind == "struct" or step.kind == "array" then
      local size = step.kind == "array" and step.size * step.count or step.size
      least = math.max(least, step.offset + size)
    end
  end
  return least
end

function expression.is_signed(step)
  return step.kind == "signed" or step.is_signed
end

-- All values of a type.
-- @return a list of expressions; nil if one is not supported
function expression.list(type)
  local list = {}
  find_checks(type)
  for i = 1, #type do
    list[i] = of(type[i], 0, type)
  end
  local source = join(list, #type)
  if source and #type <= MOST_VALUES and #source <= LONGEST_SOURCE then
    return list
  end
end

-- The same for a type whose values are always complete.
function expression.fixed_list(type)
  type.fixed = true
  return expression.list(type)
end

-- N names: "v1, v2".
function expression.names(n)
  local names = {}
  for i = 1, n do
    names[i] = "v" .. i
  end
  return table.concat(names, ", ")
end

-- Replaces words in capitals in the source by their values in WITH.
function expression.fill(source, with)
  return (source:gsub("%f[%u]%u+%f[%U]", function(word)
    return with[word] and tostring(with[word])
  end))
end

-- Runs a chunk in which these names and those of the expressions are defined; returns its result.
function expression.load(source, names)
  local chunk = assert(loadstring(PROLOGUE .. source, "=lbpf.jit"))
  setfenv(chunk, setmetatable({}, {__index = function(_, name)
    return names and names[name] or environment[name]
  end}))
  return chunk()
end

return expression
