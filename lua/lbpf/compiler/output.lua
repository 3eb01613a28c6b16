-- Built-ins with output: events, and maps that aggregate.
local T = require "lbpf.compiler.type"
local fail = require("lbpf.compiler.source").fail_at
local format = require "lbpf.compiler.format"

local output = {}

local LOOKUP, UPDATE, RESERVE, SUBMIT, DISCARD = 1, 2, 131, 132, 133
local NOEXIST = 1
local HEAD = 8 -- bytes of an event before its fields: the number of its kind

-- Events ------------------------------------------------------------------------------------------

-- The default name of a field.
local function name_of(node)
  if node.tag == "name" or node.tag == "field" then
    return node.name:match "[%w_]+$"
  elseif node.tag == "call" and node.args[1] then
    return name_of(node.args[1])
  end
end

local function fields_of(nodes, given)
  local fields, taken = {}, {id = true}
  for i, node in ipairs(nodes) do
    local name = given and given[i] or name_of(node) or "v" .. i
    while taken[name] do
      name = name .. "_" .. i
    end
    taken[name] = true
    fields[i] = {name = name, node = node}
  end
  return fields
end

-- The types of fields are known at the end of type inference; each round sets them.
local function type_fields(types, fields)
  for _, field in ipairs(fields) do
    field.type = types:value(field.node)
  end
end

local function new_event(types, node, kind, name, fields)
  if not node.event then
    node.event = types.env.events:add {kind = kind, name = name, fields = fields}
  end
  type_fields(types, node.event.fields)
  return T.void
end

-- The offset of each field, and the size of all.
local function layout(event)
  local at = HEAD
  for _, field in ipairs(event.fields) do
    field.offset = at
    at = at + (field.type.kind == "str" and field.type.size or 8)
  end
  for _, field in ipairs(event.fields) do
    if field.type.absent then
      field.flag_offset = at
      at = at + 8
    end
  end
  event.size = at
end

local function fill(self, record, field)
  local c = self.code
  local flag
  if field.type.kind == "str" then
    flag = self:string_into(field.node, record, field.offset, field.type.size, false)
  else
    local operand
    operand, flag = self:optional(field.node)
    c:store(record, field.offset, 8, operand)
  end
  if field.flag_offset then
    local done = c:label()
    c:store(record, field.flag_offset, 8, {imm = 0})
    self:branch_absent(flag, done)
    c:store(record, field.flag_offset, 8, {imm = 1})
    c:place(done)
  end
end

local function send(self, node)
  local c, event = self.code, node.event
  layout(event)
  local done = c:label()
  local record = c:call(RESERVE, {map = self.env.events.map}, {imm = event.size}, {imm = 0})
  c:branch("==", record, {imm = 0}, self:lost(node, "events are lost: the ring was full", done))
  c:store(record, 0, 4, {imm = event.id})
  self:guarded(function()
    for _, field in ipairs(event.fields) do
      c:scoped(function()
        fill(self, record, field)
      end)
    end
  end, function()
    c:call(DISCARD, record, {imm = 0})
  end)
  c:call(SUBMIT, record, {imm = 0})
  c:place(done)
  return {imm = 0}
end

output.print = {
  call = {0, 32}, usage = "print(value, ...)",
  type = function(types, node)
    return new_event(types, node, "print", "print", not node.event and fields_of(node.args))
  end,
  value = send,
}

-- The parts of a format that fit the values.
local function parts_of(node, nodes)
  if node.tag ~= "string" then
    fail(node, "the format is a literal string: %s", output.printf.usage)
  end
  local parts, problem = format(node.value)
  if not parts then
    fail(node, "%s", problem)
  end
  local n = 0
  for _, part in ipairs(parts) do
    n = n + (type(part) == "table" and 1 or 0)
  end
  if n ~= #nodes then
    fail(node, "this format has %d value%s, and is given %d", n, n == 1 and "" or "s", #nodes)
  end
  return parts
end

local function check_numbers(event)
  local i = 0
  for _, part in ipairs(event.format) do
    if type(part) == "table" then
      i = i + 1
      local t = event.fields[i].type
      if part.number and t.kind ~= "int" and t.kind ~= "bool" and t.kind ~= "ptr"
        and t.kind ~= "unknown" then
        fail(event.fields[i].node, "'%s' is for a number, and this is %s", part.spec,
          T.describe(t))
      end
    end
  end
end

output.printf = {
  call = {1, 32}, usage = "printf(\"format\\n\", value, ...)",
  type = function(types, node)
    local values = {}
    for i = 2, #node.args do
      values[i - 1] = node.args[i]
    end
    local parts = not node.event and parts_of(node.args[1], values)
    local t = new_event(types, node, "printf", "printf", parts and fields_of(values))
    node.event.format = node.event.format or parts
    check_numbers(node.event)
    return t
  end,
  value = send,
}

output.emit = {
  call = {1, 32}, usage = "emit(\"name\", {field = value, ...}) or emit(\"name\", value, ...)",
  type = function(types, node)
    local first = node.args[1]
    if first.tag ~= "string" then
      fail(first, "an event's name is a literal string")
    end
    if not node.event then
      local values, names = {}, {}
      for i = 2, #node.args do
        if node.args[i].tag ~= "table" then
          values[#values + 1] = node.args[i]
        else
          for _, item in ipairs(node.args[i].items) do
            values[#values + 1] = item.value
            names[#values] = item.name
          end
        end
      end
      node.new_fields = fields_of(values, names)
    end
    return new_event(types, node, "emit", first.value, node.new_fields)
  end,
  value = send,
}

output.exit = {
  call = {0, 0},
  type = function(types, node) return new_event(types, node, "exit", "exit", {}) end,
  value = send,
}

-- What user space is asked to do with a map, in the order of the events.
local function request(kind, least)
  return {
    call = {least, 1}, usage = kind .. "(\"title\")",
    type = function(types, node)
      local title = node.args[1]
      if title and title.tag ~= "string" then
        fail(title, "a map is named by a literal string: %s", output[kind].usage)
      end
      new_event(types, node, kind, kind, {})
      node.event.map, node.event.node = title and title.value, title
      return T.void
    end,
    value = send,
  }
end

output.show, output.clear = request("show", 0), request("clear", 1)

-- Counting ----------------------------------------------------------------------------------------

-- What is kept for each key, in the order of the value's members.
local members = {
  count = {"count"}, sum = {"total"}, avg = {"total", "count"}, stats = {"total", "count"},
  min = {"value", "set"}, max = {"value", "set"}, hist = {"count"}, lhist = {"count"},
}

local function add(c, entry, off, operand)
  c:store(entry, off, 8, c:change("+", c:load(entry, off, 8), operand))
end

local function extreme(op)
  return function(c, entry, value)
    local set, done = c:label(), c:label()
    c:branch("==", c:load(entry, 8, 8), {imm = 0}, set)
    c:branch(op, c:load(entry, 0, 8), value, done)
    c:place(set)
    c:store(entry, 0, 8, value)
    c:store(entry, 8, 8, {imm = 1})
    c:place(done)
  end
end

local function add_one(c, entry) add(c, entry, 0, {imm = 1}) end

local function add_both(c, entry, value)
  add(c, entry, 0, value)
  add(c, entry, 8, {imm = 1})
end

local changes = {
  count = add_one, hist = add_one, lhist = add_one, avg = add_both, stats = add_both,
  sum = function(c, entry, value) add(c, entry, 0, value) end,
  min = extreme "<=", max = extreme ">=",
}

-- 0 of 0, -1 of negative numbers, and the number of bits of others.
local function log_bucket(c, value)
  local bucket, rest, done = c:mov(c:reg(), {imm = 0}), c:mov(c:reg(), value), c:label()
  c:branch("==", rest, {imm = 0}, done)
  c:mov(bucket, {imm = -1})
  c:branch("<", rest, {imm = 0}, done)
  c:mov(bucket, {imm = 1})
  for _, bits in ipairs {32, 16, 8, 4, 2, 1} do
    local small = c:label()
    local upper = c:alu(">>", rest, {imm = bits})
    c:branch("==", upper, {imm = 0}, small)
    c:change("+", bucket, {imm = bits})
    c:mov(rest, upper)
    c:place(small)
  end
  c:place(done)
  return bucket
end

local function linear_bucket(c, value, shape)
  local bucket, done = c:mov(c:reg(), {imm = -1}), c:label()
  local above = c:label()
  value = c:mov(c:reg(), value)
  c:branch("<", value, {imm = shape.min}, done)
  c:branch(">=", value, {imm = shape.max}, above)
  c:mov(bucket, value)
  c:change("-", bucket, {imm = shape.min})
  c:change("//", bucket, {imm = shape.step})
  c:jump(done)
  c:place(above)
  c:mov(bucket, {imm = math.floor((shape.max - shape.min) / shape.step)})
  c:place(done)
  return bucket
end

-- The entry of a key, which is created if there is none; jumps to DONE if that fails.
local function find_entry(self, node, map, key, done)
  local c = self.code
  local entry = c:call(LOOKUP, {map = map.object}, {slot = key})
  if not map.is_hash then
    c:branch("==", entry, {imm = 0}, done)
    return entry
  end
  local missing, found = c:label(), c:label()
  c:branch("==", entry, {imm = 0}, missing)
  c:place(found)
  local lost = self:lost(node, ("'%s' is full: an entry is missing"):format(map.name), done)
  c:cold(function()
    c:place(missing)
    local size = #members[map.kind] * 8
    local zeros = c:slot(size)
    for at = 0, size - 1, 8 do
      c:store(zeros, at, 8, {imm = 0})
    end
    c:call(UPDATE, {map = map.object}, {slot = key}, {slot = zeros}, {imm = NOEXIST})
    c:mov(entry, c:call(LOOKUP, {map = map.object}, {slot = key}))
    c:branch("==", entry, {imm = 0}, lost)
    c:jump(found)
  end)
  return entry
end

-- The title, the value, the shape and the keys of a call.
local function take_apart(types, node, kind)
  local args = {}
  for i, arg in ipairs(node.args) do
    args[i] = arg
  end
  local title = args[1] and args[1].tag == "string" and table.remove(args, 1).value or ""
  local value, shape
  if kind ~= "count" then
    value = table.remove(args, 1)
    if not value then
      fail(node, "%s of what? %s", kind, output[kind].usage)
    end
  end
  if kind == "lhist" then
    if #args < 3 then
      fail(node, "lhist needs the least, the most and the step: %s", output.lhist.usage)
    end
    shape = {}
    for _, name in ipairs {"min", "max", "step"} do
      shape[name] = types:constant(table.remove(args, 1), "lhist's " .. name)
    end
    if shape.step < 1 or shape.max <= shape.min or (shape.max - shape.min) / shape.step > 1000
      or shape.max > 2147483647 or shape.min < -2147483648 then
      fail(node, "lhist needs a least below the most, of 32 bits, and 1000 steps at most")
    end
  end
  return {title = title ~= "" and title or kind, value = value, shape = shape, keys = args}
end

local function aggregate(self, node)
  local c, map, parts = self.code, node.map, node.parts
  local done = c:label()
  map.is_hash = #parts.keys > 0 or map.kind == "hist" or map.kind == "lhist"
  c:scoped(function()
    local value = parts.value and self:value(parts.value)
    local bucket
    if map.kind == "hist" then
      bucket = log_bucket(c, value)
    elseif map.kind == "lhist" then
      bucket = linear_bucket(c, value, map.shape)
    end
    local key
    if map.is_hash then
      key = self:key(map, parts.keys, bucket)
    else
      key = c:slot(8)
      c:store(key, 0, 4, {imm = 0})
    end
    changes[map.kind](c, find_entry(self, node, map, key, done), value)
  end)
  c:place(done)
  return {imm = 0}
end

local function aggregation(kind, usage)
  output[kind] = {
    call = {0, 16}, usage = usage,
    type = function(types, node)
      node.parts = node.parts or take_apart(types, node, kind)
      local parts = node.parts
      local map = types.env.maps:aggregation(parts.title, kind, node)
      map.members = members[kind]
      if parts.shape then
        local old = map.shape or parts.shape
        if old.min ~= parts.shape.min or old.max ~= parts.shape.max
          or old.step ~= parts.shape.step then
          fail(node, "'%s' has other steps elsewhere", map.name)
        end
        map.shape = parts.shape
      end
      if parts.value then
        types:number(parts.value)
      end
      types:keys(map, parts.keys, node)
      node.map = map
      return T.void
    end,
    value = aggregate,
  }
end

aggregation("count", "count(\"title\", key, ...)")
aggregation("sum", "sum(\"title\", value, key, ...)")
aggregation("avg", "avg(\"title\", value, key, ...)")
aggregation("stats", "stats(\"title\", value, key, ...)")
aggregation("min", "min(\"title\", value, key, ...)")
aggregation("max", "max(\"title\", value, key, ...)")
aggregation("hist", "hist(\"title\", value, key, ...)")
aggregation("lhist", "lhist(\"title\", value, least, most, step, key, ...)")

return output
