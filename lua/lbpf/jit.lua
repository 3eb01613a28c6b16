--- LuaJIT runs generated code in place of C where it can see through it: from C an integer of 64
-- bits costs more than all else of an event; in a trace it costs nothing.
--
-- Each part is loaded when it is first used.
local core = require "lbpf.core"

core.set_compiler(function(...)
  return require("lbpf.jit.events")(...)
end)

-- Maps ------------------------------------------------------------------------------------------

-- By handle, which what was compiled does not refer to. Where C is called it is called last: so it
-- says what the script called, and where.
local maps = setmetatable({}, {__mode = "k"})
local look_up_address, update_address

local function find_methods(map)
  local methods = maps[map]
  if methods == nil then
    methods = require "lbpf.jit.maps"(map, look_up_address, update_address)
    if methods ~= nil then
      maps[map] = methods
    end
  end
  return methods
end

local slow_lookup, slow_update = core.map_lookup, core.map_update

local function lookup(self, key, flags)
  local methods = maps[self] or find_methods(self)
  if methods and methods.lookup and flags == nil then
    return methods.lookup(self, key, methods.element)
  end
  return slow_lookup(self, key, flags)
end

local function update(self, ...)
  local methods = maps[self] or find_methods(self)
  if methods and methods.update and select("#", ...) == 2 then
    local key, value = ...
    return methods.update(self, key, value, methods.element)
  end
  return slow_update(self, ...)
end

look_up_address, update_address = core.set_map_methods(lookup, update)
