--- Plain text: aligned tables, histograms, heat maps; units, addresses, time.
-- @module lbpf.text
-- @usage local text = require "lbpf.text"
-- print(text.table({{"nginx", 12}, {"wrk", 340}}, {"comm", "count"}))
-- print(text.histogram(text.buckets({[1] = 3, [3] = 9}, text.log2_range)))
-- local shape = {min = 0, max = 30, step = 10}
-- print(text.histogram(text.buckets({[0] = 1, [2] = 5}, text.linear_range, shape)))
-- print(text.short(8192), text.bytes(1536), text.duration(1500)) --> 8K 1.50 KiB 1.50 us
-- print(text.show(12), text.pad("left", 8), text.time())
-- print(text.ntop(text.pton("127.0.0.1")), text.address(text.pton("::ffff:127.0.0.1")))
-- print(text.csv {"a", 'say "b"'})

local text = {}

local BAR = 52 -- the width of a histogram's longest bar

-- What a cell shows; 64-bit integers of LuaJIT without their suffix.
local function cell(value)
  local text_of = tostring(value)
  return type(value) == "cdata" and text_of:gsub("U?LL$", "") or text_of
end

local function is_number(value)
  return type(value) == "number" or type(value) == "cdata"
end

--- The value as it is shown in a table.
-- @function show
-- @param value any
-- @treturn string
text.show = cell

--- Pads a string with spaces.
-- @function pad
-- @tparam string s
-- @tparam integer width in characters; negative: the string is at the right
-- @treturn string
function text.pad(s, width)
  local spaces = (" "):rep(math.abs(width) - #s)
  return width < 0 and spaces .. s or s .. spaces
end

--- A table with aligned columns, numbers at the right.
-- @function table
-- @tparam table rows a list of lists of values
-- @tparam ?{string,...} head the columns' names
-- @treturn string lines without a newline at the end
function text.table(rows, head)
  local all, width, right = {}, {}, {}
  if head then
    all[1] = head
  end
  for _, row in ipairs(rows) do
    all[#all + 1] = row
  end
  for i, row in ipairs(all) do
    for j = 1, #row do
      width[j] = math.max(width[j] or 0, #cell(row[j]))
      if i > (head and 1 or 0) then
        right[j] = right[j] ~= false and is_number(row[j])
      end
    end
  end
  for i, row in ipairs(all) do
    local cells = {}
    for j = 1, #row do
      cells[j] = text.pad(cell(row[j]), right[j] and -width[j] or width[j])
    end
    all[i] = table.concat(cells, "  "):gsub("%s+$", "")
  end
  return table.concat(all, "\n")
end

--- A count with a binary suffix: 8192 is 8K.
-- @function short
-- @tparam number n
-- @treturn string
function text.short(n)
  for _, unit in ipairs({"", "K", "M", "G", "T", "P", "E"}) do
    if math.abs(n) < 1024 or n % 1024 ~= 0 or unit == "E" then
      return ("%.0f%s"):format(n, unit)
    end
    n = n / 1024
  end
end

-- N in the greatest unit in which it is at least 1; UNITS: {factor to the next, name}.
local function in_units(n, units)
  local i = 1
  while units[i + 1] and math.abs(n) >= units[i][1] do
    n = n / units[i][1]
    i = i + 1
  end
  local digits = (i == 1 or math.abs(n) >= 100) and 0 or math.abs(n) >= 10 and 1 or 2
  return ("%." .. digits .. "f %s"):format(n, units[i][2])
end

--- An amount of memory or data with a unit: 1536 is "1.50 KiB".
-- @function bytes
-- @tparam number n
-- @treturn string
function text.bytes(n)
  return in_units(tonumber(n), {{1024, "B"}, {1024, "KiB"}, {1024, "MiB"}, {1024, "GiB"},
    {1024, "TiB"}, {1024, "PiB"}})
end

--- A duration with a unit: 1500 is "1.50 us".
-- @function duration
-- @tparam number nanoseconds
-- @treturn string in ns, us, ms, s; from a minute on "2m05s", "1h02m05s"
function text.duration(nanoseconds)
  local n = tonumber(nanoseconds)
  if math.abs(n) < 60e9 then
    return in_units(n, {{1000, "ns"}, {1000, "us"}, {1000, "ms"}, {60, "s"}})
  end
  local seconds = math.floor(n / 1e9)
  local hours, minutes = math.floor(seconds / 3600), math.floor(seconds % 3600 / 60)
  if hours > 0 then
    return ("%dh%02dm%02ds"):format(hours, minutes, seconds % 60)
  end
  return ("%dm%02ds"):format(minutes, seconds % 60)
end

--- The time of day.
-- @function time
-- @tparam ?integer seconds since 1970; absent: now
-- @treturn string "23:59:59"
function text.time(seconds)
  return os.date("%H:%M:%S", seconds)
end

local function ipv6(address)
  local groups = {}
  for i = 1, 16, 2 do
    groups[#groups + 1] = ("%x"):format(address:byte(i) * 256 + address:byte(i + 1))
  end
  local whole = ":" .. table.concat(groups, ":") .. ":"
  for n = 8, 2, -1 do -- the longest run of zeros
    local from, to = whole:find((":0"):rep(n) .. ":", 1, true)
    if from then
      return ((whole:sub(2, from - 1) .. "::" .. whole:sub(to + 1, -2)):gsub("^:::*", "::"))
    end
  end
  return whole:sub(2, -2)
end

local MAPPED = ("\0"):rep(10) .. "\255\255" -- an IPv4 address as one of IPv6

--- An internet address as text.
-- @function ntop
-- @tparam string address 4 or 16 bytes
-- @treturn string "127.0.0.1", "::1"
-- @raise if it has another length
function text.ntop(address)
  if #address == 4 then
    return table.concat({address:byte(1, 4)}, ".")
  elseif #address ~= 16 then
    error(("bad argument #1 to 'ntop' (4 or 16 bytes expected, got %d)"):format(#address), 2)
  elseif address:sub(1, 12) == MAPPED then
    return "::ffff:" .. text.ntop(address:sub(13))
  end
  return ipv6(address)
end

--- The same, but an IPv4 address that is mapped into IPv6 is shown as one of IPv4.
-- @function address
-- @tparam string address 4 or 16 bytes
-- @treturn string
-- @raise if it has another length
function text.address(address)
  return (text.ntop(address):gsub("^::ffff:(%d+%.)", "%1"))
end

local function ipv4_bytes(address)
  local bytes = {address:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")}
  for i, byte in ipairs(bytes) do
    if tonumber(byte) > 255 or #byte > 3 then
      return nil
    end
    bytes[i] = string.char(tonumber(byte))
  end
  return bytes[1] and table.concat(bytes)
end

-- The bytes of "1:2:a0b" or ""; nil if a group is none.
local function groups_of(part)
  local bytes = {}
  for group in (part == "" and "" or part .. ":"):gmatch("(.-):") do
    if not group:match("^%x%x?%x?%x?$") then
      return nil
    end
    local n = tonumber(group, 16)
    bytes[#bytes + 1] = string.char(math.floor(n / 256), n % 256)
  end
  return table.concat(bytes)
end

local function ipv6_bytes(address)
  local head, last = address:match("^(.*:)([%d.]+)$")
  local four = last and ipv4_bytes(last)
  if four then -- ::ffff:1.2.3.4
    address = ("%s%x:%x"):format(head, four:byte(1) * 256 + four:byte(2),
      four:byte(3) * 256 + four:byte(4))
  end
  local left, right = address:match("^(.-)::(.*)$")
  left, right = groups_of(left or address), groups_of(right or "")
  if not left or not right then
    return nil
  elseif not address:find("::", 1, true) then
    return #left == 16 and left or nil
  end
  local missing = 16 - #left - #right
  return missing >= 2 and left .. ("\0"):rep(missing) .. right or nil
end

--- The bytes of an internet address.
-- @function pton
-- @tparam string address "127.0.0.1", "::1"
-- @treturn ?string 4 or 16 bytes; nil if it is no address
function text.pton(address)
  if address:find(":", 1, true) then
    return ipv6_bytes(address)
  end
  return ipv4_bytes(address)
end

--- A line of a CSV file, as RFC 4180 has it.
-- @function csv
-- @tparam table cells a list of values; `cells.n` of them, if it has holes
-- @treturn string without a newline at the end
function text.csv(cells)
  local out = {}
  for i = 1, cells.n or #cells do
    local value = cells[i] == nil and "" or cell(cells[i])
    out[i] = value:find('[,"\r\n]') and '"' .. value:gsub('"', '""') .. '"' or value
  end
  return table.concat(out, ",")
end

--- The range of a bucket by powers of 2.
-- @function log2_range
-- @tparam integer bucket -1: negative, 0: zero, n: from 2^(n-1) to below 2^n
-- @treturn string
function text.log2_range(bucket)
  if bucket < 0 then
    return "(..., 0)"
  elseif bucket <= 1 then
    return ("[%d]"):format(bucket)
  end
  return ("[%s, %s)"):format(text.short(2 ^ (bucket - 1)), text.short(2 ^ bucket))
end

--- The range of a bucket of equal steps.
-- @function linear_range
-- @tparam integer bucket counted from 0; -1: below `shape.min`; one more than the last: above
-- @tparam table shape `min`, `max`, `step`
-- @treturn string
function text.linear_range(bucket, shape)
  local from = shape.min + bucket * shape.step
  if bucket < 0 then
    return ("(..., %s)"):format(text.short(shape.min))
  elseif from + shape.step > shape.max then
    return ("[%s, ...)"):format(text.short(from))
  end
  return ("[%s, %s)"):format(text.short(from), text.short(from + shape.step))
end

--- A histogram: one line for each bucket, with a bar.
-- @function histogram
-- @tparam table buckets in order, a list of {range, count}
-- @treturn string lines without a newline at the end
function text.histogram(buckets)
  local most, lines = 1, {}
  for _, bucket in ipairs(buckets) do
    most = math.max(most, bucket[2])
  end
  for i, bucket in ipairs(buckets) do
    local length = math.floor(bucket[2] * BAR / most)
    lines[i] = ("%-16s%8s |%s|"):format(bucket[1], cell(bucket[2]),
      text.pad(("@"):rep(length), BAR))
  end
  return table.concat(lines, "\n")
end

--- The buckets of a histogram from the first to the last that is not empty, also those between.
-- @function buckets
-- @tparam table counts bucket = count
-- @tparam function range the name of a bucket, `log2_range` for example
-- @tparam ?table shape for `linear_range`
-- @treturn table a list of {range, count}, for `histogram`
function text.buckets(counts, range, shape)
  local first, last = math.huge, -math.huge
  for bucket in pairs(counts) do
    first, last = math.min(first, bucket), math.max(last, bucket)
  end
  local list = {}
  for bucket = first, last do
    list[#list + 1] = {range(bucket, shape), counts[bucket] or 0}
  end
  return list
end

local SHADES = {" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"}

--- A heat map: a line for each bucket, the greatest first, and a character for each interval, the
-- darker the more was counted.
-- @function heat_map
-- @tparam table columns a list of tables bucket = count, one for each interval
-- @tparam function range the name of a bucket, `log2_range` for example
-- @tparam ?table shape for `linear_range`
-- @treturn string lines without a newline at the end
-- @usage local text = require "lbpf.text"
-- print(text.heat_map({{[3] = 1}, {[3] = 9, [4] = 2}}, text.log2_range))
function text.heat_map(columns, range, shape)
  local first, last, most = math.huge, -math.huge, 1
  for _, counts in ipairs(columns) do
    for bucket, n in pairs(counts) do
      first, last = math.min(first, bucket), math.max(last, bucket)
      most = math.max(most, n)
    end
  end
  local lines = {}
  for bucket = last, first, -1 do
    local cells = {}
    for i, counts in ipairs(columns) do
      local n = counts[bucket] or 0
      cells[i] = SHADES[math.ceil(n * (#SHADES - 1) / most) + 1]
    end
    lines[#lines + 1] = ("%-16s|%s|"):format(range(bucket, shape), table.concat(cells))
  end
  return table.concat(lines, "\n")
end

return text
