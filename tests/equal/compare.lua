-- Runs a program by Lua 5.4 and, compiled, in the kernel, and compares what they leave in maps.
local lbpf = require "lbpf"

local compare = {}

-- A key as text, with a program's several keys in one.
local function text_of(key)
  if type(key) ~= "table" then
    return tostring(key)
  end
  local parts = {}
  for i, part in ipairs(key) do
    parts[i] = tostring(part)
  end
  return table.concat(parts, "\1")
end

-- A map as Lua's programs see it; `entries` has what is in it.
local function new_map()
  local entries = {}
  return setmetatable({}, {
    __index = function(_, key) return entries[text_of(key)] end,
    __newindex = function(_, key, value) entries[text_of(key)] = value end,
  }), entries
end

--- By Lua: the entries of each map, and whether it raised an error.
function compare.by_lua(text, names)
  local env, results = {math = math}, {}
  for _, name in ipairs(names) do
    env[name], results[name] = new_map()
  end
  local ok, message = pcall(assert(load(text, "=program", "t", env)))
  return results, not ok and message
end

-- The sum over processors of each problem: messages of those that occurred.
local function problems(object, plan)
  local found = {}
  for i, problem in ipairs(plan.problems) do
    local n = 0
    for _, count in ipairs(object.maps.problems:lookup(i - 1)) do
      n = n + count
    end
    if n > 0 then
      found[#found + 1] = problem.place .. ": " .. problem.message
    end
  end
  return found
end

local function entries_of(object, map)
  local entries = {}
  for key, value in object.maps[map.map]:pairs() do
    local parts = {}
    for i, part in ipairs(map.keys) do
      parts[i] = key[part.name]
    end
    entries[text_of(parts)] = value.v
  end
  return entries
end

--- In the kernel: the same; nil and a message if it is not loaded.
function compare.by_kernel(text, options)
  local bytes, plan = lbpf.compile({{"raw_tp", text}}, options)
  if not bytes then
    return nil, plan
  end
  local object = assert(lbpf.open_mem(bytes))
  local loaded, message, _, log = object:load()
  if not loaded then
    object:close()
    return nil, message .. "\n" .. (log or "")
  end
  assert(lbpf.prog_test_run(object.progs.probe_1, {}))
  local results = {}
  for _, map in ipairs(plan.maps) do
    results[map.name] = entries_of(object, map)
  end
  local found = problems(object, plan)
  object:close()
  return results, found[1], plan.programs[1].instructions
end

-- The first difference of two tables, as text.
local function difference(name, a, b)
  for key, value in pairs(a) do
    if b[key] ~= value then
      return ("%s[%s]: Lua has %s, the kernel %s"):format(name, key, tostring(value),
        tostring(b[key]))
    end
  end
  for key, value in pairs(b) do
    if a[key] == nil then
      return ("%s[%s]: Lua has nil, the kernel %s"):format(name, key, tostring(value))
    end
  end
end

--- What differs, as text; nil if nothing does. And whether Lua raised, and the instructions.
function compare.program(text, names, options)
  local lua, raised = compare.by_lua(text, names)
  local kernel, stopped, instructions = compare.by_kernel(text, options)
  if not kernel and stopped:find("division by zero", 1, true) then
    return nil, "division by zero", 0 -- a constant: it is seen when it is compiled
  elseif not kernel then
    return "not loaded: " .. stopped
  end
  local differs
  for _, name in ipairs(names) do
    differs = differs or difference(name, lua[name], kernel[name] or {})
  end
  if differs and stopped then
    differs = ("%s; the kernel stopped: %s"):format(differs, stopped)
  elseif not differs and (not raised) ~= (not stopped) then
    differs = ("Lua raised: %s; the kernel stopped: %s"):format(tostring(raised), tostring(stopped))
  end
  return differs, raised, instructions
end

return compare
