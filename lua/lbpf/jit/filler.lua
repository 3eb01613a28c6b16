-- The source of Lua functions that fill a table again with a value of a BTF type, with the same
-- results as codec_fill() in C.
local expression = require "lbpf.jit.expression"

local filler = {}

-- What the functions refer to, besides the environment of expressions.
filler.environment = {type = type, rawget = rawget, rawset = rawset}

filler.PROLOGUE = [[
local type, rawget, rawset, origins = type, rawget, rawset, origins

local function end_list(t, n)
  while rawget(t, n + 1) ~= nil do
    n = n + 1
    rawset(t, n, nil)
  end
end
]]

local fill

-- Sets what the table `t` has at a key, in its source form, to a step's value.
local function put(lines, key, step, base, type)
  if step.kind ~= "struct" and step.kind ~= "array" then
    lines[#lines + 1] = ("rawset(t, %s, %s)"):format(key, expression.value(step, base, type))
    return
  end
  lines[#lines + 1] = ("do local outer, t = t, rawget(t, %s)"):format(key)
  lines[#lines + 1] = ("if type(t) ~= 'table' then t = {} rawset(outer, %s, t) end"):format(key)
  fill(lines, step, base + step.offset, type)
  lines[#lines + 1] = "end"
end

function fill(lines, step, at, type)
  if step.kind == "struct" then
    for i = 1, step.count do
      put(lines, ("%q"):format(step[i].name), step[i], at - step.offset, type)
    end
  else
    for i = 1, step.count do
      put(lines, i, step[1], at + (i - 1) * step.size, type)
    end
    lines[#lines + 1] = ("end_list(t, %d)"):format(step.count)
  end
  if step.is_lossy or type.numbers then
    lines[#lines + 1] = "origins[t] = nil" -- C fills what does not say all
  end
end

-- A function NAME(t, d, size, checks) that fills `t` and returns it, for a type that has
-- expressions; nil if its value is no table.
function filler.source(name, type)
  local step = type[1]
  if not type.whole or (step.kind ~= "struct" and step.kind ~= "array") then
    return nil
  end
  local lines = {("local function %s(t, d, size, checks)"):format(name)}
  fill(lines, step, step.offset, type)
  lines[#lines + 1] = "return t\nend\n"
  return table.concat(lines, "\n")
end

return filler
