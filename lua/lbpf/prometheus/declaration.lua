-- Reads the declaration of a metric, and refuses what could not be scraped later: each field of a
-- key or value that it names is looked up in the map's types.

local nearest = require("lbpf.core").nearest

-- Raises unless CONDITION; the message is a format and what goes into it.
local function check(metric, condition, message, ...)
  if not condition then
    local what = select("#", ...) > 0 and message:format(...) or message
    error(("metric '%s': %s"):format(tostring(metric.name), what), 0)
  end
end

-- Types -----------------------------------------------------------------------------------------

local numbers = {unsigned = true, signed = true, float = true, enum = true, bool = true}

local function is_number(type)
  return numbers[type.kind]
end

local function is_plain(type)
  return is_number(type) or type.kind == "string"
end

local function is_list_of_numbers(type)
  return type.kind == "array" and is_number(type[1])
end

local shapes = {
  bytes = "bytes", struct = "a structure", array = "an array", string = "a string",
}

-- The type of the part of a key or value that WHAT names: a field, or nil for the whole. FITS says
-- whether it is of use as OPTION, and WANTED what would be.
local function check_part(metric, option, what, side, fits, wanted)
  if type(what) == "function" then
    return nil
  end
  local whole = metric.types[side]
  check(metric, whole, "%s: the map's %ss are bytes, for they have no type: give a function",
    option, side)
  local part = whole
  if what ~= nil then
    check(metric, type(what) == "string", "%s: expected the name of a field or a function", option)
    check(metric, whole.kind == "struct",
      "%s: the map's %s is no structure, and has no field '%s': give a function of it", option,
      side, what)
    part = nil
    local names = {}
    for i, member in ipairs(whole) do
      names[i] = member.name
      part = member.name == what and member or part
    end
    check(metric, part, "%s: the map's %s has no field '%s'; it has: %s", option, side, what,
      nearest(what, names))
  end
  check(metric, fits(part), "%s: %s is %s; expected %s, or give a function", option,
    what and ("field '%s' of the %s"):format(what, side) or "the " .. side,
    shapes[part.kind] or "a number", wanted)
  return part
end

-- Labels ----------------------------------------------------------------------------------------

-- {"comm", code = "status", device = function(key) ... end} -> in a certain order.
local function read_labels(metric)
  local list, seen = {}, {}
  for name, from in pairs(metric.labels or {}) do
    if type(name) == "number" then
      name = from
    end
    check(metric, type(name) == "string" and name:find("^[%a_][%w_]*$"),
      "label names are letters, digits and underscores")
    check(metric, not name:find("^__") and not (name == "le" and metric.type == "histogram"),
      "label '%s' is Prometheus' own", name)
    check(metric, not seen[name], "label '%s' is given twice", name)
    check(metric, metric.map, "label '%s': a metric without a map has no labels", name)
    check_part(metric, ("label '%s'"):format(name), from, "key", is_plain,
      "a number or a string")
    seen[name] = true
    list[#list + 1] = {name = name, from = from}
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- Values ----------------------------------------------------------------------------------------

-- Has Lua no integers for some of its values?
local function is_unsigned(type)
  return type ~= nil and type.kind == "unsigned" and type.size == 8
end

local function check_simple(metric)
  check(metric, metric.map or type(metric.read) == "function", "there is no map to read")
  if metric.map then
    metric.unsigned = is_unsigned(check_part(metric, "value", metric.value, "value", is_number,
      "a number"))
  end
end

local function check_histogram(metric)
  check(metric, metric.map, "there is no map to read")
  metric.scale = metric.scale or "log2"
  check(metric, metric.scale == "log2" or metric.scale == "linear" and tonumber(metric.step),
    "the scale is 'log2', or 'linear' with a step")
  if metric.slot == nil then
    check_part(metric, "slots", metric.slots, "value", is_list_of_numbers, "an array of counts")
  else
    check(metric, type(metric.slots) == "number" and metric.slots >= 1,
      "with a slot in the key, 'slots' is their number")
    check_part(metric, "slot", metric.slot, "key", is_number, "a number")
    check_part(metric, "value", metric.value, "value", is_number, "a number")
  end
  if metric.sum ~= nil then
    metric.unsigned = is_unsigned(check_part(metric, "sum", metric.sum, "value", is_number,
      "a number"))
  end
end

-- Metrics ---------------------------------------------------------------------------------------

local known = {name = true, type = true, help = true, map = true, labels = true, value = true,
  unit = true, scale = true, step = true, slots = true, slot = true, sum = true, read = true}

local checks = {counter = check_simple, gauge = check_simple, histogram = check_histogram}

local function read_metric(given)
  local metric = {}
  for name, value in pairs(given) do
    if not known[name] then
      local names = {}
      for each in pairs(known) do
        names[#names + 1] = each
      end
      check(given, false, "unknown field '%s'; expected one of: %s", tostring(name),
        nearest(tostring(name), names))
    end
    metric[name] = value
  end
  check(metric, type(metric.name) == "string" and metric.name:find("^[%a_:][%w_:]*$"),
    "names are letters, digits, underscores and colons")
  check(metric, checks[metric.type], "the type is 'counter', 'gauge' or 'histogram'")
  check(metric, metric.help == nil or type(metric.help) == "string", "'help' is a text")
  check(metric, metric.unit == nil or type(metric.unit) == "number", "'unit' is a number")
  metric.unit = metric.unit or 1
  metric.types = {}
  if metric.map then
    metric.types.key, metric.types.value = metric.map:types()
  end
  checks[metric.type](metric)
  metric.labels = read_labels(metric)
  return metric
end

-- What the text of a metric calls its samples.
local samples = {counter = {""}, gauge = {""}, histogram = {"", "_bucket", "_sum", "_count"}}

-- The metrics of a list of declarations, as `lbpf.prometheus` has it.
return function(list)
  local metrics, taken = {}, {}
  for i, given in ipairs(list) do
    local metric = read_metric(given)
    for _, suffix in ipairs(samples[metric.type]) do
      local name = metric.name .. suffix
      check(metric, not taken[name], "there is a metric with samples of that name, '%s'", name)
      taken[name] = true
    end
    metrics[i] = metric
  end
  return metrics
end
