-- The source of Lua expressions that read values of BTF types through FFI, with the same results
-- as the codec in C. core/btf/codec_describe.c documents the descriptions of types. Types that
-- are not supported here, for example bit fields, are decoded in C.
local ffi = require "ffi"

local LONGEST_ARRAY = 32
local LONGEST_SOURCE = 20000
local MOST_VALUES = 100 -- a function has no more than 200 local variables

pcall(ffi.cdef, [[int lbpf_strnlen(const void *, int) __asm__("strnlen");]])

local expression = {}

-- What the expressions refer to, besides `d`, a pointer to the data.
local environment = {
  cast = ffi.cast, str = ffi.string, strnlen = ffi.C.lbpf_strnlen, tonumber = tonumber,
}

-- Pointer types: "uint32_t" is u4, "int64_t" is s8, "float" is f4.
for _, size in ipairs {1, 2, 4, 8} do
  environment["u" .. size] = ffi.typeof(("uint%d_t *"):format(8 * size))
  environment["s" .. size] = ffi.typeof(("int%d_t *"):format(8 * size))
end
environment.f4, environment.f8 = ffi.typeof "float *", ffi.typeof "double *"

-- Upvalues of the functions in a chunk, which the trace compiler treats as constants.
local PROLOGUE = [[
local cast, str, strnlen, tonumber = cast, str, strnlen, tonumber
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

function kinds.string(step, at)
  return ("str(d + %d, strnlen(d + %d, %d))"):format(at, at, step.size)
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
  members = join(members, step.count)
  return members and "{" .. members .. "}"
end

function kinds.array(step, at, type)
  if step.count > LONGEST_ARRAY then
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
  return kinds[step.kind](step, base + step.offset, type)
end

function expression.is_signed(step)
  return step.kind == "signed" or step.is_signed
end

-- All values of a type. BASE is its offset in the data; nil: 0.
-- @return a list of expressions; nil if one is not supported
function expression.list(type, base)
  local list = {}
  for i = 1, #type do
    list[i] = of(type[i], base or 0, type)
  end
  local source = join(list, #type)
  if source and #type <= MOST_VALUES and #source <= LONGEST_SOURCE then
    return list
  end
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

-- MAKE creates closures. LuaJIT specialises a loop to the closure that it sees first. Once a
-- prototype has many closures, it specialises on the prototype, so eight are created up front.
function expression.of_many(make)
  for _ = 1, 8 do
    make()
  end
  return make
end

return expression
