--- What a tool writes: rows and maps, as text, JSON lines or CSV.
-- @classmod lbpf.output
-- @usage local tracer = assert(lbpf.trace {BEGIN = [[ count("calls", "open") ]]})
-- local columns = {{"pid", -7}, {"path"}}
-- local out = require("lbpf.output").new {columns = columns, format = "csv", write = print}
-- out:head()
-- out:row {pid = 12, path = "/etc/passwd"}
-- out:maps(tracer, {"calls"})
-- out:problems(tracer) -- to standard error
-- tracer:close()

local json = require "lbpf.json"
local text = require "lbpf.text"

local output = {}
output.__index = output

local function is_terminal()
  local first, _, status = os.execute("test -t 1")
  return (status or first) == 0
end

--- A writer.
-- @function new
-- @static
-- @tparam ?table opts `columns` of rows, a list of {name, width}: the width in characters, negative
-- for values at the right, none for the last one; with `title`, by default the name in capitals,
-- and `show`, a function that makes text of the value; `format`: "text", "json" or "csv"; `write`:
-- a function that gets each line, by default to standard output, which is flushed after each line
-- @treturn output
function output.new(opts)
  opts = opts or {}
  local self = setmetatable({columns = opts.columns or {}, format = opts.format or "text",
    write = opts.write}, output)
  if not self.write then
    io.stdout:setvbuf("line")
    self.write = print
  end
  for _, column in ipairs(self.columns) do
    self.has_time = self.has_time or column[1] == "time"
  end
  if self.format == "json" then
    self.encode = assert(json.encoder())
  end
  return self
end

local function titles(columns)
  local list = {}
  for i, column in ipairs(columns) do
    list[i] = column.title or column[1]:upper()
  end
  return list
end

-- Cells under the columns' titles: what is too wide moves what follows.
local function aligned(columns, cells)
  for i, column in ipairs(columns) do
    cells[i] = column[2] and text.pad(cells[i], column[2]) or cells[i]
  end
  return (table.concat(cells, " "):gsub("%s+$", ""))
end

--- Writes the columns' titles, in text and CSV; the first row does so, too.
-- @function output:head
function output:head()
  if self.has_head or #self.columns == 0 then
    return
  end
  self.has_head = true
  if self.format == "text" then
    self.write(aligned(self.columns, titles(self.columns)))
  elseif self.format == "csv" then
    local names = {}
    for i, column in ipairs(self.columns) do
      names[i] = column[1]
    end
    self.write(text.csv(names))
  end
end

-- An object with its members in order.
local function object(encode, members)
  local parts = {}
  for _, member in ipairs(members) do
    if member[2] ~= nil then
      parts[#parts + 1] = encode(member[1]) .. ":" .. encode(json.portable(member[2]))
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Writes a line of JSON: an object.
-- @function output:line
-- @tparam table members a list of {name, value}
-- @needs json
-- @usage local out = require("lbpf.output").new {format = "json", write = print}
-- out:line {pid = 1, comm = "init"}
function output:line(members)
  self.write(object(self.encode, members))
end

--- Writes a row.
-- @function output:row
-- @tparam table row values by column; those that are nil are left out, but for `time`: the time of
-- day, if there is such a column
function output:row(row)
  self:head()
  row.time = row.time or self.has_time and text.time() or nil
  local columns, cells = self.columns, {n = #self.columns}
  if self.format == "json" then
    for i, column in ipairs(columns) do
      cells[i] = {column[1], row[column[1]]}
    end
    return self:line(cells)
  end
  for i, column in ipairs(columns) do
    cells[i] = row[column[1]]
    if self.format == "text" then
      local shown = cells[i]
      if shown ~= nil and column.show then
        shown = column.show(shown)
      end
      cells[i] = shown == nil and "" or text.show(shown)
    end
  end
  self.write(self.format == "csv" and text.csv(cells) or aligned(columns, cells))
end

--- Writes a table anew: over the last one on a terminal, else below it.
-- @function output:table
-- @tparam table rows a list of rows, for `row`
-- @usage local out = require("lbpf.output").new {columns = {{"pid", -7}, {"cpu"}}, write = print}
-- out:table {{pid = 1, cpu = 0}, {pid = 12, cpu = 3}} -- again and again, with other rows
function output:table(rows)
  if self.format == "text" then
    if self.live == nil then
      self.live = self.write == print and is_terminal()
    end
    if self.live then
      io.write("\27[H\27[J")
    end
    self.has_head = false
  end
  for _, row in ipairs(rows) do
    self:row(row)
  end
end

local function is_histogram(map)
  return map.kind == "hist" or map.kind == "lhist"
end

-- What JSON has of a row's value.
local function data_of(map, value)
  if is_histogram(map) then
    local buckets = {}
    for bucket, n in pairs(value) do
      buckets[tostring(bucket)] = json.portable(n)
    end
    return buckets
  elseif type(value) == "table" then
    return {count = json.portable(value.count), total = json.portable(value.total),
      average = json.portable(value.average)}
  end
  return json.portable(value)
end

local function map_json(self, tracer, map)
  local rows = {}
  for i, row in ipairs(tracer:rows(map.name)) do
    rows[i] = {key = row.text, value = data_of(map, row.value)}
  end
  if #rows > 0 then
    self:line {{"type", map.kind}, {"name", map.name}, {"data", rows}}
  end
end

-- A line for each entry: the map's name, the keys, and the value; of a histogram the bucket and
-- how often.
local function map_csv(self, tracer, map)
  for _, row in ipairs(tracer:rows(map.name)) do
    local cells = {map.name}
    for i, key in ipairs(row.text) do
      cells[i + 1] = key
    end
    local n = #cells
    local function line(...)
      for i = 1, select("#", ...) do
        cells[n + i] = select(i, ...)
      end
      self.write(text.csv(cells))
    end
    if is_histogram(map) then
      for bucket, count in pairs(row.value) do
        line(bucket, count)
      end
    elseif type(row.value) == "table" then
      line(row.value.count, row.value.total, row.value.average)
    else
      line(row.value)
    end
  end
end

--- Writes maps of a tracer.
-- @function output:maps
-- @tparam tracer tracer
-- @tparam {string,...} names of the maps
function output:maps(tracer, names)
  for _, name in ipairs(names) do
    if self.format == "text" then
      tracer:show(name)
    else
      for _, map in ipairs(tracer.plan.maps) do
        if map.name == name then
          (self.format == "json" and map_json or map_csv)(self, tracer, map)
        end
      end
    end
  end
end

--- Writes what a tracer's programs could not do, to standard error.
-- @function output:problems
-- @tparam tracer tracer
function output:problems(tracer) -- luacheck: no self
  for _, problem in ipairs(tracer:problems()) do
    io.stderr:write(("%s: %s (%s)\n"):format(problem.place, problem.message,
      text.show(problem.count)))
  end
end

return output
