-- What all programs of one object share: maps, events, and the list of problems.
local source = require "lbpf.compiler.source"

local maps = {}
maps.__index = maps

-- The names of objects in the ELF file: what C allows, each once.
local function object_name(self, name)
  local base = name:gsub("[^%w_]", "_"):gsub("^(%d)", "_%1")
  local unique, n = base, 1
  while self.taken[unique] do
    n = n + 1
    unique = base .. "_" .. n
  end
  self.taken[unique] = true
  return unique
end

local function add(self, name, kind, node)
  local map = {name = name, kind = kind, node = node, object = object_name(self, name)}
  self.by_name[name] = map
  self.list[#self.list + 1] = map
  return map
end

function maps:find(name)
  return self.by_name[name]
end

function maps:names()
  local list = {}
  for i, map in ipairs(self.list) do
    list[i] = map.name
  end
  return list
end

--- A map that programs read and write. A built-in may set its kind later.
function maps:variable(name, node)
  return self.by_name[name] or add(self, name, "hash", node)
end

--- A map of an aggregation: "count" and so on.
function maps:aggregation(name, kind, node)
  local map = self.by_name[name]
  if map and map.kind ~= kind then
    source.fail_at(node, "'%s' is a %s elsewhere", name, map.kind == "hash" and "variable"
      or map.kind)
  end
  return map or add(self, name, kind, node)
end

local problems = {}
problems.__index = problems

--- The number of a problem, from 0 on.
function problems:add(node, message)
  local place = node.source:place(node.at)
  local key = place .. " " .. message
  if not self.index[key] then
    self.list[#self.list + 1] = {place = place, message = message}
    self.index[key] = #self.list - 1
  end
  return self.index[key]
end

local events = {}
events.__index = events

--- A kind of event.
-- @param event `name`, `kind`, and `fields`: a list of {name, type}
function events:add(event)
  self.list[#self.list + 1] = event
  event.id = #self.list
  event.type = "event_" .. event.id
  return event
end

local registry = {}

function registry.new()
  return {
    maps = setmetatable({by_name = {}, list = {}, taken = {events = true, problems = true,
      stacks = true, lbpf_zero = true}}, maps),
    problems = setmetatable({list = {}, index = {}, map = "problems"}, problems),
    support = {}, -- maps that libbpf expects of the object
    events = setmetatable({list = {}, map = "events"}, events),
    stacks = {map = "stacks", used = false},
    zero = {name = "lbpf_zero", used = false}, -- a global variable
  }
end

return registry
