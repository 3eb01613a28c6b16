--- Numbers as plain text: aligned tables, histograms.
--
--     local text = require "lbpf.text"
--     print(text.table({{"nginx", 12}, {"wrk", 340}}, {"comm", "count"}))
--     print(text.histogram({{"[0]", 3}, {"[1]", 9}}))
-- @module lbpf.text

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

return text
