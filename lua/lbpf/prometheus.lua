--- What maps hold, as metrics that Prometheus scrapes.
-- @module lbpf.prometheus
-- @usage local prometheus = require "lbpf.prometheus"
-- local metrics = prometheus.new {
--   {name = "packets_total", type = "counter", help = "Packets.", map = object.maps.flows,
--    labels = {"port"}, value = "packets"},
--   {name = "dropped", type = "gauge", read = function() return object.vars.dropped end},
-- }
-- print(prometheus.content_type, metrics:text())

local declaration = require "lbpf.prometheus.declaration"
local text = require "lbpf.prometheus.text"

local prometheus = {}

local metrics = {}
metrics.__index = metrics

--- The media type of the text.
prometheus.content_type = "text/plain; version=0.0.4; charset=utf-8"

-- Parts of keys and values ----------------------------------------------------------------------

-- The field, what the function makes of it, or the whole.
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
    local value = text.label(part(key, label.from))
    if not value then
      error(("metric '%s': label '%s' is no string or number, but a %s"):format(metric.name,
        label.name, type(part(key, label.from))), 0)
    end
    list[i] = label.name .. "=" .. value
  end
  return table.concat(list, ",")
end

-- Series ----------------------------------------------------------------------------------------

-- Keys with the same labels are one series: ADD gets it, a key and its value. Returns a list.
local function series_of(metric, add)
  local list, by_labels = {}, {}
  for key, value in metric.map:pairs() do
    local labels = labels_of(metric, key)
    local series = by_labels[labels]
    if not series then
      series = {labels = labels}
      by_labels[labels] = series
      list[#list + 1] = series
    end
    add(series, key, value)
  end
  return list
end

local function add_value(metric)
  return function(series, _, value)
    local n = total(value, metric.value)
    series.value = series.value and series.value + n or n
  end
end

-- A histogram in each value.
local function add_slots(metric)
  local function add(series, value)
    local slots = part(value, metric.slots)
    for i = 1, #slots do
      series[i - 1] = (series[i - 1] or 0) + tonumber(slots[i])
    end
    series.n = math.max(series.n or 0, #slots)
  end
  return function(series, _, value)
    if is_per_cpu(value) then
      for cpu = 1, #value do
        add(series, value[cpu])
      end
    else
      add(series, value)
    end
    if metric.sum then
      series.sum = (series.sum or 0) + total(value, metric.sum)
    end
  end
end

-- A slot for each key. What is beyond the last is the last's.
local function add_slot(metric)
  return function(series, key, value)
    local slot = tonumber(part(key, metric.slot))
    slot = math.max(0, math.min(slot, metric.slots - 1))
    series.n = metric.slots
    series[slot] = (series[slot] or 0) + tonumber(total(value, metric.value))
  end
end

-- Lines -----------------------------------------------------------------------------------------

local function braces(labels, last)
  if labels ~= "" and last then
    labels = labels .. ","
  end
  labels = labels .. (last or "")
  return labels ~= "" and "{" .. labels .. "}" or ""
end

local function add_line(lines, ...)
  lines[#lines + 1] = table.concat({...})
end

-- As text, times the unit.
local function scaled(metric, n)
  if metric.unsigned and type(n) == "number" and n < 0 then
    n = n + 2 ^ 64 -- what Lua's integers are too small for
  end
  local number = text.number(metric.unit == 1 and n or tonumber(n) and tonumber(n) * metric.unit)
  return number or error(("metric '%s': the value is not a number, but a %s"):format(metric.name,
    type(n)), 0)
end

local function simple(metric, lines)
  if metric.read then
    add_line(lines, metric.name, " ", scaled(metric, metric.read()))
    return
  end
  for _, series in ipairs(series_of(metric, add_value(metric))) do
    add_line(lines, metric.name, braces(series.labels), " ", scaled(metric, series.value))
  end
end

-- The largest integer that slot I counts, times the unit; the last slot counts all above, too.
local function bound(metric, i)
  local last = metric.scale == "log2" and 2 ^ (i + 1) - 1 or (i + 1) * metric.step - 1
  return text.number(last * metric.unit)
end

local function histogram(metric, lines)
  for _, series in ipairs(series_of(metric, metric.slot and add_slot(metric) or add_slots(metric)))
  do
    local labels, count = series.labels, 0
    for i = 0, series.n - 1 do
      count = count + (series[i] or 0)
      add_line(lines, metric.name, "_bucket",
        braces(labels, ('le="%s"'):format(i < series.n - 1 and bound(metric, i) or "+Inf")), " ",
        text.number(count))
    end
    if series.sum then
      add_line(lines, metric.name, "_sum", braces(labels), " ", scaled(metric, series.sum))
    end
    add_line(lines, metric.name, "_count", braces(labels), " ", text.number(count))
  end
end

-- Metrics ---------------------------------------------------------------------------------------

--- Declares metrics.
--
-- Each is a table: `name`; `type`: "counter", "gauge" or "histogram"; `help`; `map`: a typed map,
-- of an object that is loaded by now: every key is a sample, values of several CPUs being added up,
-- and those of keys with the same labels; `labels`: a list of fields of the key, or label = field,
-- or label = function of the key (what is not UTF-8 in a string is shown as U+FFFD); `value`: a
-- field of the value, or a function of it; `unit`: what values are multiplied by. Instead of a map,
-- a counter or gauge may have `read`, a function.
--
-- A histogram's value is, or has as its field `slots`, an array of counts, and perhaps a field
-- `sum`; or a field `slot` of the key says which slot the value counts, and `slots` is how many
-- there are. `scale` is "log2": slot i counts values from 2^i to 2^(i+1) - 1, slot 0 also the 0; or
-- "linear": from i * `step` to (i+1) * `step` - 1. The last slot counts all that is larger, too.
-- @tparam {table,...} list of metrics
-- @treturn metrics
-- @raise for what is declared wrongly, with the metric's name: a field, for example, that the map's
-- keys or values do not have, or that is an array
function prometheus.new(list)
  local ok, made = pcall(declaration, list)
  if not ok then
    error(made, type(made) == "string" and made:find("^metric '") and 2 or 0)
  end
  return setmetatable(made, metrics)
end

--- The metrics as they are now, in Prometheus' text format.
-- @function metrics:text
-- @treturn string
-- @raise for a label that is neither string nor number, or a value that is no number: what a
-- function of the script's returned; if a map is closed
function metrics:text()
  local lines = {}
  for _, metric in ipairs(self) do
    if metric.help then
      add_line(lines, "# HELP ", metric.name, " ", text.help(metric.help))
    end
    add_line(lines, "# TYPE ", metric.name, " ", metric.type)
    if metric.type == "histogram" then
      histogram(metric, lines)
    else
      simple(metric, lines)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

return prometheus
