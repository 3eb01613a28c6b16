-- What a tracer shows: the lines of print(), and its maps at the end.
local symbols = require "lbpf.symbols"
local text = require "lbpf.text"

local show = {}

-- Values ---------------------------------------------------------------------------------------

local function bits(value) -- 64 bits in hexadecimal, of whatever integer, or of such a string
  if type(value) == "string" then
    return value:match "^0x(.*)$"
  elseif type(value) == "cdata" or math.type and math.type(value) == "integer" then
    return ("%x"):format(value)
  end
  return value < 0 and ("%.0f"):format(value) or ("%x"):format(value)
end

local function with_offset(name, offset)
  return offset and offset ~= 0 and ("%s+%d"):format(name, offset) or name
end

local function kernel_name(address)
  local name, offset = symbols.ksym(address)
  return name and with_offset(name, tonumber(offset)) or "0x" .. bits(address)
end

-- Only the address, if the process is not known.
local function user_name(address, tracer)
  local name, offset, path
  if tracer.pid then
    name, offset, path = symbols.usym(tracer.pid, address)
  end
  name = name or path and path:match("[^/]+$")
  return name and with_offset(name, offset) or "0x" .. bits(address)
end

--- Bytes as a string: they come as a list.
function show.bytes(value)
  if type(value) ~= "table" then
    return value
  end
  local parts = {}
  for i, byte in ipairs(value) do
    parts[i] = string.char(byte)
  end
  return table.concat(parts)
end

--- The ways to show bytes.
show.raw = {bytes = true, ipv6 = true, mac = true}

local ways = {
  bool = function(value) return tonumber(value) ~= 0 and "true" or "false" end,
  ptr = function(value) return "0x" .. bits(value) end,
  ksym = kernel_name,
  usym = user_name,
}

-- An integer of this machine in network byte order.
function ways.ipv4(value)
  local n, bytes = tonumber(value), {}
  for i = 1, 4 do
    bytes[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return text.ntop(table.concat(bytes))
end

function ways.bytes(value)
  return (show.bytes(value):gsub("[^\32-\126]", function(c)
    return ("\\x%02x"):format(c:byte())
  end))
end

function ways.ipv6(value)
  return text.ntop(show.bytes(value))
end

function ways.mac(value)
  local bytes = show.bytes(value):sub(1, 6)
  return (bytes:gsub(".", function(c) return (":%02x"):format(c:byte()) end):sub(2))
end

-- A function by its offset in a file.
local function function_in(path, offset)
  local name = symbols.fsym(path, offset)
  return name or ("%s+0x%s"):format(path, bits(offset))
end

local stacks = {kstack = kernel_name, ustack = user_name}

local EEXIST = -17 -- of bpf_get_stackid()

local function stack(id, tracer, name_of)
  id = tonumber(id)
  if id == EEXIST then
    return {"(lost: another stack has its place)"}
  elseif id < 0 then
    return {("(no stack: %s)"):format(require("lbpf.names").errno(id))}
  end
  local names = {}
  for i, address in ipairs(tracer.stacks:lookup(id) or {}) do
    names[i] = name_of(address, tracer)
  end
  return names[1] and names or {"(lost)"}
end

--- A value as text; a stack has a line for each frame, the innermost first.
function show.value(value, how, tracer)
  if value == nil then
    return "nil"
  elseif stacks[how] then
    return "\n    " .. table.concat(stack(value, tracer, stacks[how]), "\n    ") .. "\n"
  end
  local path = how and how:match("^function of (.+)$")
  if path then
    return function_in(path, value)
  end
  return text.show(ways[how] and ways[how](value, tracer) or value)
end

--- The values of printf() in its format.
-- @param event of the plan
-- @param values a list, with holes for nil
-- @param tracer whose stacks and strings they refer to
function show.format(event, values, tracer)
  local out, i = {}, 0
  for n, part in ipairs(event.format) do
    if type(part) == "string" then
      out[n] = part
    else
      i = i + 1
      local value, spec = values[i], part.spec
      if not part.number or value == nil then
        value, spec = show.value(value, event.show[i], tracer), spec:gsub("%a$", "s")
      elseif type(value) == "boolean" then
        value = value and 1 or 0
      end
      out[n] = spec:format(value)
    end
  end
  return table.concat(out)
end

-- Maps -----------------------------------------------------------------------------------------

-- The values of all CPUs, combined.
local function total(cpus, member)
  local n = 0
  for _, value in ipairs(cpus) do
    n = n + value[member]
  end
  return n
end

local function extreme(cpus, is_better)
  local best
  for _, value in ipairs(cpus) do
    if value.set ~= 0 and (best == nil or is_better(value.value, best)) then
      best = value.value
    end
  end
  return best
end

local joins = {
  hash = function(value) return value.v end,
  count = function(cpus) return total(cpus, "count") end,
  sum = function(cpus) return total(cpus, "total") end,
  min = function(cpus) return extreme(cpus, function(x, y) return x < y end) end,
  max = function(cpus) return extreme(cpus, function(x, y) return x > y end) end,
  avg = function(cpus)
    local n = total(cpus, "count")
    return n ~= 0 and math.floor(tonumber(total(cpus, "total")) / tonumber(n)) or nil
  end,
  stats = function(cpus)
    local n, sum = total(cpus, "count"), total(cpus, "total")
    return n ~= 0 and {count = n, total = sum, average = math.floor(tonumber(sum) / tonumber(n))}
      or nil
  end,
}
joins.hist, joins.lhist = joins.count, joins.count

local function order(value)
  return tonumber(type(value) == "table" and value.total or value) or 0
end

local function by_value(x, y)
  if x.order ~= y.order then
    return x.order < y.order
  end
  return table.concat(x.text, "\0") < table.concat(y.text, "\0")
end

--- The entries of a map: a list of {keys = values of the key, text = the same as text, value}, the
-- greatest last. The value of a histogram is a table bucket = count.
function show.rows(map, tracer)
  local rows, by_key = {}, {}
  for key, value in tracer.views[map.name]:pairs() do
    local row = {keys = {}, text = {}, value = joins[map.kind](value)}
    for i, k in ipairs(map.keys) do
      row.keys[i] = key[k.name]
      row.text[i] = show.value(row.keys[i], k.show, tracer)
    end
    if map.kind == "hist" or map.kind == "lhist" then
      local name = table.concat(row.text, "\0")
      local whole = by_key[name]
      if not whole then
        whole = {keys = row.keys, text = row.text, value = {}, order = 0}
        by_key[name], rows[#rows + 1] = whole, whole
      end
      local count = tonumber(row.value)
      whole.value[tonumber(key.bucket)] = count
      whole.order = whole.order + count
    elseif row.value ~= nil then
      row.order = order(row.value)
      rows[#rows + 1] = row
    end
  end
  table.sort(rows, by_value)
  return rows
end

local function title(map, row)
  if #row.text == 0 then
    return map.name
  end
  return ("%s[%s]"):format(map.name, table.concat(row.text, ", "))
end

local function as_histogram(map, rows)
  local range = map.kind == "hist" and text.log2_range or text.linear_range
  local parts = {}
  for i, row in ipairs(rows) do
    parts[i] = title(map, row) .. ":\n"
      .. text.histogram(text.buckets(row.value, range, map.lhist)) .. "\n"
  end
  return table.concat(parts, "\n")
end

local function shown(map, row, tracer)
  if type(row.value) == "table" then
    return ("count %s, average %s, total %s"):format(text.show(row.value.count),
      text.show(row.value.average), text.show(row.value.total))
  end
  return show.value(row.value, map.value.show, tracer)
end

--- A map as text, one line for each entry; nil if it has none.
function show.map(map, tracer)
  local rows = show.rows(map, tracer)
  if #rows == 0 then
    return nil
  elseif map.kind == "hist" or map.kind == "lhist" then
    return as_histogram(map, rows)
  end
  local titles, values, width, digits = {}, {}, 0, 0
  for i, row in ipairs(rows) do
    titles[i], values[i] = title(map, row) .. ":", shown(map, row, tracer)
    width = math.max(width, titles[i]:find("\n") and 0 or #titles[i])
    digits = math.max(digits, #values[i])
  end
  local is_number = type(rows[1].value) ~= "table" and not map.value.show
    and type(rows[1].value) ~= "string"
  for i = 1, #rows do
    local aligned = titles[i]:find("\n") and titles[i] or text.pad(titles[i], width)
    titles[i] = aligned .. " " .. text.pad(values[i], is_number and -digits or #values[i])
  end
  return table.concat(titles, "\n")
end

return show
