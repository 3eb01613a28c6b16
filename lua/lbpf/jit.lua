-- In LuaJIT generated Lua code replaces C on hot paths: a 64-bit integer created from C takes
-- more time than everything else of an event; in a trace it takes none.
local core = require "lbpf.core"
local ffi = require "ffi"
local later = require "lbpf.later"
local of_many = require "lbpf.jit.closures"

core.set_iterator_maker(of_many(function(fn, a, b, c)
  return function()
    return fn(a, b, c)
  end
end))

-- Events ----------------------------------------------------------------------------------------

local compile_events = later "lbpf.jit.events"
local claim, step

claim, step = core.set_compiler(function(...)
  return compile_events(claim, step, ...)
end)

-- Maps ------------------------------------------------------------------------------------------

-- Keyed by handle, to which compiled code does not refer. Calls of C are tail calls, so that error
-- messages name the function and the line of the script.
local compile_map = later "lbpf.jit.maps"
local maps = setmetatable({}, {__mode = "k"})
local call_lookup, call_checked_lookup, call_update, next_element

local function find_methods(map)
  local methods = maps[map]
  if methods == nil then
    methods = compile_map(map, call_lookup, call_checked_lookup, call_update, next_element)
    if methods ~= nil then
      maps[map] = methods
    end
  end
  return methods
end

local slow_lookup, slow_update = core.map_lookup, core.map_update

local function lookup(self, key, into, flags)
  local methods = maps[self] or find_methods(self)
  if methods and methods.lookup and into == nil and flags == nil then
    return methods.lookup(self, key, methods.element)
  elseif methods and methods.fill and type(into) == "table" and flags == nil then
    return methods.fill(self, key, methods.element, into)
  end
  return slow_lookup(self, key, into, flags)
end

local function update(self, ...)
  local methods = maps[self] or find_methods(self)
  if methods and methods.update and select("#", ...) == 2 then
    local key, value = ...
    return methods.update(self, key, value, methods.element)
  end
  return slow_update(self, ...)
end

local function walk(map, ...)
  local methods = maps[map] or find_methods(map)
  return methods and methods.walk and methods.walk(...)
end

call_lookup, call_checked_lookup, call_update, next_element =
  core.set_map_methods(lookup, update, walk)

-- Variables -------------------------------------------------------------------------------------

-- Keyed by `object.vars`, then by name.
local compile_variable = later "lbpf.jit.variables"
local variables = setmetatable({}, {__mode = "k"})
local copy, slow_read

local function find_variable(vars, name)
  local variable = compile_variable(vars, name)
  if variable ~= nil then
    variables[vars] = variables[vars] or {}
    variables[vars][name] = variable
  end
end

local function read(vars, name)
  local known = variables[vars]
  local variable = known and known[name]
  if variable and copy(variable.vars, variable.address, variable.bytes, variable.size) ~= nil then
    local value = variable.decode(variable.bytes, variable.checks)
    if value ~= nil then
      return value
    end
  elseif variable == nil then
    find_variable(vars, name)
  end
  return slow_read(vars, name)
end

slow_read, copy = core.set_variable_reader(read)
copy = ffi.cast("void *(*)(void *, void *, void *, uint32_t)", copy)
