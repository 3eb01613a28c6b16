--- Delivers events in LuaJIT: for each type of events a function is generated that reads the batch
-- itself, so that the trace compiler sees the whole way from the bytes to the script's function.
-- From C an integer of 64 bits costs more than all else of an event; in a trace it costs nothing.
--
-- core/compiled.c calls this module, and core/batch.h has the structures. What is not known here,
-- bit fields for example, is left to the codec in C.
local ffi = require "ffi"
local bit = require "bit"

local EVENT_HEADER = 16
local LONGEST_ARRAY = 32
local LONGEST_SOURCE = 20000

pcall(ffi.cdef, [[int lbpf_strnlen(const void *, int) __asm__("strnlen");]])

local environment = {
  cast = ffi.cast, str = ffi.string, strnlen = ffi.C.lbpf_strnlen, tonumber = tonumber,
  band = bit.band,
  event = ffi.typeof "struct { uint32_t size; int32_t fn, cpu, is_news; } *",
  cursor_type = ffi.typeof "struct { uint8_t *bytes; int32_t used, next, delivering; } *",
  counters_type = ffi.typeof "struct { uint64_t events, bytes; } *",
}

-- Pointer types: "uint32_t" is u4, "int64_t" is s8, "float" is f4.
for size = 1, 8 do
  if size == 1 or size == 2 or size == 4 or size == 8 then
    environment["u" .. size] = ffi.typeof(("uint%d_t *"):format(8 * size))
    environment["s" .. size] = ffi.typeof(("int%d_t *"):format(8 * size))
  end
end
environment.f4, environment.f8 = ffi.typeof "float *", ffi.typeof "double *"

-- Expressions ---------------------------------------------------------------------------------

local expression

-- What is at an offset of the data, if it is aligned there: traces read nothing else.
local function load(prefix, step, at)
  if at % step.size == 0 and environment[prefix .. step.size] and step.bits == 0 then
    return ("cast(%s%d, d + %d)[0]"):format(prefix, step.size, at)
  end
end

local function integer(step, at, type)
  local signed = step.kind == "signed" or step.is_signed
  local value = load(signed and "s" or "u", step, at)
  if value and step.size == 8 and type.numbers then
    return "tonumber(" .. value .. ")"
  end
  return value
end

-- The elements of a list of expressions; nil if there is one that is not known.
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
    local value = expression(step[i], at - step.offset, type)
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
    elements[i] = expression(step[1], at + (i - 1) * step.size, type)
  end
  elements = join(elements, step.count)
  return elements and "{" .. elements .. "}"
end

-- The source of the value of a step, which is at its offset from BASE; nil: not known.
function expression(step, base, type)
  return kinds[step.kind](step, base + step.offset, type)
end

-- All values of an event.
local function expressions(type)
  if not type then
    return "str(d, size)"
  end
  local list = {}
  for i = 1, #type do
    list[i] = expression(type[i], 0, type)
  end
  return join(list, #type)
end

-- Functions -----------------------------------------------------------------------------------

local SOURCE = [[
local cursor, counters, number, least = ...
local cast, str, strnlen, tonumber, band, event = cast, str, strnlen, tonumber, band, event
local u1, u2, u4, u8, s1, s2, s4, s8, f4, f8 = u1, u2, u4, u8, s1, s2, s4, s8, f4, f8
local function push(fn, limit)
  local n, bytes = 0, cursor.bytes
  local at, used = cursor.next, cursor.used
  while at < used and n < limit do
    local e = cast(event, bytes + at)
    local size = e.size
    if e.fn ~= number or e.is_news ~= 0 or size < least then
      break
    end
    local d = bytes + at + HEADER
    at = at + HEADER + band(size + 7, -8)
    cursor.next = at -- consumed from here on, also if the function raises
    counters.events = counters.events + 1
    counters.bytes = counters.bytes + size
    n = n + 1
    if fn(VALUES) == false then
      return n, true
    end
  end
  return n, false
end
local function pull(slow)
  return function()
    local at = cursor.next
    if at < cursor.used and cursor.delivering == 0 then
      local d = cursor.bytes + at
      local e = cast(event, d)
      local size = e.size
      if e.fn == number and e.is_news == 0 and size >= least then
        d = d + HEADER
        cursor.next = at + HEADER + band(size + 7, -8)
        counters.events = counters.events + 1
        counters.bytes = counters.bytes + size
        return VALUES
      end
    end
    return slow()
  end
end
return push, pull
]]

-- By source: buffers with the same events share their traces.
local chunks = {}

local function load_chunk(source)
  if not chunks[source] then
    chunks[source] = assert(loadstring(source, "=lbpf.jit"))
    setfenv(chunks[source], environment)
  end
  return chunks[source]
end

--- Makes the functions that deliver the events of a batch whose function has this number:
-- push(fn, limit), which returns how many and whether to stop; and pull(slow), which returns an
-- iterator that calls slow() for what it does not do itself.
-- @return a list of the two; nil if the type has something that is not known here
local function compile(type, cursor, counters, number, has_cpu)
  local values = expressions(type)
  if not values or #values > LONGEST_SOURCE then
    return nil
  end
  if has_cpu then
    values = values .. ", e.cpu"
  end
  local source = SOURCE:gsub("VALUES", function() return values end):gsub("HEADER", EVENT_HEADER)
  return {load_chunk(source)(ffi.cast(environment.cursor_type, cursor),
    ffi.cast(environment.counters_type, counters), number, type and type.size or 0)}
end

require("lbpf.core").set_compiler(compile)

return compile
