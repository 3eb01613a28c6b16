--- What maps hold, as metrics that Prometheus scrapes.
--
--     local metrics = prometheus.new {
--       {name = "exec_total", type = "counter", help = "Programs started.",
--        map = object.maps.execs, labels = {"comm"}},
--       {name = "run_queue_seconds", type = "histogram", help = "Time until a task runs.",
--        map = object.maps.latency, slots = "slots", sum = "total", scale = "log2", unit = 1e-9},
--     }
--     print(metrics:text())
-- @module lbpf.prometheus

local prometheus = {}

local metrics = {}
metrics.__index = metrics

--- The media type of the text.
prometheus.content_type = "text/plain; version=0.0.4; charset=utf-8"

-- Numbers and labels ----------------------------------------------------------------------------

-- Integers to their last digit, also LuaJIT's 64-bit ones.
local function number(n)
  if type(n) == "number" then
    if n ~= n then
      return "NaN"
    elseif n == math.huge or n == -math.huge then
      return n > 0 and "+Inf" or "-Inf"
    elseif n % 1 == 0 and n > -2 ^ 53 and n < 2 ^ 53 then
      return ("%d"):format(n)
    end
    return math.type and math.type(n) == "integer" and tostring(n)
      or (n % 1 == 0 and "%.0f" or "%.17g"):format(n)
  end
  return (tostring(n):gsub("[UL]+$", ""))
end

local escapes = {["\\"] = "\\\\", ["\n"] = "\\n", ['"'] = '\\"'}

local function quoted(value)
  return '"' .. (type(value) == "string" and value or number(value)):gsub('[\\\n"]', escapes) .. '"'
end

-- A part of a key or value: the field, what the function makes of it, or the whole.
local function part(of, what)
  if what == nil then
    return of
  elseif type(what) == "function" then
    return what(of)
  end
  return of[what]
end

local function is_per_cpu(value)
  return type(value) == "table" and getmetatable(value) ~= nil
end

-- All CPUs' values together.
local function total(value, what)
  if type(what) ~= "function" and is_per_cpu(value) then
    return value:sum(what)
  end
  return part(value, what)
end

-- The labels of a key, as in `a="1",b="2"`.
local function labels_of(metric, key)
  local list = {}
  for i, label in ipairs(metric.labels) do
    list[i] = label.name .. "=" .. quoted(part(key, label.from))
  end
  return table.concat(list, ",")
end

local function braces(...)
  local list = {}
  for i = 1, select("#", ...) do
    local labels = select(i, ...)
    if labels ~= "" then
      list[#list + 1] = labels
    end
  end
  return #list > 0 and "{" .. table.concat(list, ",") .. "}" or ""
end

-- Metrics of each type --------------------------------------------------------------------------

local function add(lines, ...)
  lines[#lines + 1] = table.concat({...})
end

local function scaled(metric, n)
  if metric.type == "counter" and type(n) == "number" and n < 0 then
    n = n + 2 ^ 64 -- what Lua's integers are too small for
  end
  return metric.unit == 1 and n or tonumber(n) * metric.unit
end

local function simple(metric, lines)
  if metric.read then
    add(lines, metric.name, " ", number(metric.read()))
    return
  end
  for key, value in metric.map:pairs() do
    add(lines, metric.name, braces(labels_of(metric, key)), " ",
      number(scaled(metric, total(value, metric.value))))
  end
end

-- The largest integer that slot I counts, times the unit; the last slot counts all above, too.
local function bound(metric, i)
  local last = metric.scale == "log2" and 2 ^ (i + 1) - 1 or (i + 1) * metric.step - 1
  return number(last * metric.unit)
end

-- The slots of a histogram as numbers, from 0 on: of one CPU or of all.
local function slots_of(metric, value)
  local list, n = {}, 0
  local function take(one)
    local slots = part(one, metric.slots)
    for i = 1, #slots do
      list[i - 1] = (list[i - 1] or 0) + tonumber(slots[i])
      n = math.max(n, i)
    end
  end
  if is_per_cpu(value) then
    for i = 1, #value do
      take(value[i])
    end
  else
    take(value)
  end
  return list, n
end

local function histogram_lines(metric, lines, labels, slots, n, sum)
  local count = 0
  for i = 0, n - 2 do
    count = count + (slots[i] or 0)
    add(lines, metric.name, "_bucket", braces(labels, 'le="' .. bound(metric, i) .. '"'), " ",
      number(count))
  end
  count = count + (slots[n - 1] or 0)
  add(lines, metric.name, "_bucket", braces(labels, 'le="+Inf"'), " ", number(count))
  if sum then
    add(lines, metric.name, "_sum", braces(labels), " ", number(scaled(metric, sum)))
  end
  add(lines, metric.name, "_count", braces(labels), " ", number(count))
end

-- A slot for each key: those with the same labels are one histogram.
local function keyed_histograms(metric, lines)
  local order, by_labels = {}, {}
  for key, value in metric.map:pairs() do
    local labels = labels_of(metric, key)
    if not by_labels[labels] then
      by_labels[labels] = {}
      order[#order + 1] = labels
    end
    local slot = math.min(tonumber(part(key, metric.slot)), metric.slots - 1)
    local slots = by_labels[labels]
    slots[slot] = (slots[slot] or 0) + tonumber(total(value, metric.value))
  end
  for _, labels in ipairs(order) do
    histogram_lines(metric, lines, labels, by_labels[labels], metric.slots)
  end
end

local function histogram(metric, lines)
  if metric.slot then
    return keyed_histograms(metric, lines)
  end
  for key, value in metric.map:pairs() do
    local slots, n = slots_of(metric, value)
    histogram_lines(metric, lines, labels_of(metric, key), slots, n,
      metric.sum and total(value, metric.sum))
  end
end

-- Declaring ---------------------------------------------------------------------------------------

local known = {name = true, type = true, help = true, map = true, labels = true, value = true,
  unit = true, scale = true, step = true, slots = true, slot = true, sum = true, read = true}

local function check(metric, condition, message)
  if not condition then
    error(("metric '%s': %s"):format(tostring(metric.name), message), 5)
  end
end

-- {"comm", code = "status", device = function(key) ... end} -> in a certain order.
local function read_labels(metric)
  local list = {}
  for name, from in pairs(metric.labels or {}) do
    if type(name) == "number" then
      name = from
    end
    check(metric, type(name) == "string" and name:find("^[%a_][%w_]*$"),
      "label names are letters, digits and underscores")
    list[#list + 1] = {name = name, from = from}
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

local function read_metric(given)
  local metric = {}
  for name, value in pairs(given) do
    check(given, known[name], ("unknown field '%s'"):format(tostring(name)))
    metric[name] = value
  end
  check(metric, type(metric.name) == "string" and metric.name:find("^[%a_:][%w_:]*$"),
    "names are letters, digits, underscores and colons")
  check(metric, metric.type == "counter" or metric.type == "gauge" or metric.type == "histogram",
    "the type is 'counter', 'gauge' or 'histogram'")
  check(metric, metric.map or metric.type ~= "histogram" and metric.read,
    "there is no map to read")
  if metric.type == "histogram" then
    metric.scale = metric.scale or "log2"
    check(metric, metric.scale == "log2" or metric.scale == "linear" and metric.step,
      "the scale is 'log2', or 'linear' with a step")
    check(metric, not metric.slot or type(metric.slots) == "number",
      "with a slot in the key, 'slots' is their number")
  end
  metric.unit = metric.unit or 1
  metric.labels = read_labels(metric)
  return metric
end

--- Declares metrics.
--
-- Each is a table: `name`; `type`: "counter", "gauge" or "histogram"; `help`; `map`: a typed map,
-- of which every key is a sample, values of several CPUs being added up; `labels`: a list of fields
-- of the key, or label = field, or label = function of the key; `value`: a field of the value, or a
-- function of it; `unit`: what values are multiplied by. Instead of a map, a counter or gauge may
-- have `read`, a function.
--
-- A histogram's value is, or has as its field `slots`, an array of counts, and perhaps a field
-- `sum`; or a field `slot` of the key says which slot the value counts, and `slots` is how many
-- there are. `scale` is "log2": slot i counts values from 2^i to 2^(i+1) - 1, slot 0 also the 0; or
-- "linear": from i * `step` to (i+1) * `step` - 1. The last slot counts all that is larger, too.
-- @tparam {table,...} list of metrics
-- @treturn metrics
-- @raise for what is declared wrongly, with the metric's name
function prometheus.new(list)
  local self = setmetatable({}, metrics)
  for i, given in ipairs(list) do
    self[i] = read_metric(given)
  end
  return self
end

--- The metrics as they are now, in Prometheus' text format.
-- @function metrics:text
-- @treturn string
function metrics:text()
  local lines = {}
  for _, metric in ipairs(self) do
    if metric.help then
      add(lines, "# HELP ", metric.name, " ", (metric.help:gsub("[\\\n]", escapes)))
    end
    add(lines, "# TYPE ", metric.name, " ", metric.type)
    if metric.type == "histogram" then
      histogram(metric, lines)
    else
      simple(metric, lines)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

return prometheus
