--- Stacks with counts, and the forms in which other programs read them.
-- @classmod lbpf.profile
-- @usage local profile = require("lbpf.profile").new {type = "cpu", unit = "nanoseconds"}
-- profile:add({"main", "work", "spin"}, 12)
-- profile:add({"main", "wait"}, 3)
-- print(profile:total(), profile:folded())
-- print(#profile:svg {title = "Where time goes"}, #profile:pprof()) -- for files

local pprof = require "lbpf.profile.pprof"
local svg = require "lbpf.profile.svg"

local profile = {}
profile.__index = profile

local function node(name)
  return {name = name, self = 0, total = 0, children = {}, by_name = {}}
end

--- An empty profile.
-- @function new
-- @static
-- @tparam ?table opts `unit`: of what is counted ("samples"); `type`: what is counted, for pprof
-- ("samples")
-- @treturn profile
function profile.new(opts)
  opts = opts or {}
  return setmetatable({
    unit = opts.unit or "samples", type = opts.type or "samples", root = node("all"),
  }, profile)
end

--- Adds a stack.
-- @function profile:add
-- @tparam {string,...} frames from the root to the leaf
-- @tparam ?number count 1 if absent; 64-bit integers become numbers
function profile:add(frames, count)
  count = tonumber(count or 1)
  local at = self.root
  at.total = at.total + count
  for _, name in ipairs(frames) do
    local child = at.by_name[name]
    if not child then
      child = node(name)
      at.by_name[name] = child
      at.children[#at.children + 1] = child
    end
    child.total = child.total + count
    at = child
  end
  at.self = at.self + count
end

-- Calls FN(frames, count) for each stack that was added, in the order of their names.
local function each_stack(at, frames, fn)
  table.sort(at.children, function(a, b) return a.name < b.name end)
  if at.self > 0 then
    fn(frames, at.self)
  end
  for _, child in ipairs(at.children) do
    frames[#frames + 1] = child.name
    each_stack(child, frames, fn)
    frames[#frames] = nil
  end
end

--- How much was counted in all.
-- @function profile:total
-- @treturn number
function profile:total()
  return self.root.total
end

--- Folded stacks, as flame graph tools read them: a line each, "main;work;spin 12".
-- @function profile:folded
-- @treturn string
function profile:folded()
  local lines = {}
  each_stack(self.root, {}, function(frames, count)
    local names = {}
    for i, frame in ipairs(frames) do
      names[i] = frame:gsub("[;\n]", ":")
    end
    lines[#lines + 1] = ("%s %.0f\n"):format(table.concat(names, ";"), count)
  end)
  return table.concat(lines)
end

--- A flame graph: one SVG file, in which a browser zooms by a click and finds names.
-- @function profile:svg
-- @tparam ?table opts `title`; `width` in pixels (1200)
-- @treturn string
function profile:svg(opts)
  each_stack(self.root, {}, function() end) -- sorts
  return svg(self.root, self.unit, opts or {})
end

--- The profile in pprof's format, not compressed, for `go tool pprof`, Parca or Pyroscope.
-- @function profile:pprof
-- @tparam ?table opts `time`: when it began, in seconds since 1970; `duration` in seconds;
-- `period`: how much one sample stands for
-- @treturn string bytes
function profile:pprof(opts)
  return pprof(self.type, self.unit, opts or {}, function(fn)
    each_stack(self.root, {}, fn)
  end)
end

return profile
