-- Blocks that end alike share their ends: the code that counts what is lost, mostly.
local tails = {}

local SHORTEST = 2 -- instructions that are worth a jump

local fields = {"op", "code", "d", "s", "a", "imm", "off", "size", "word", "map", "helper", "n",
  "label", "value", "width", "func"}

local function same_memory(x, y)
  if type(x) == "table" and type(y) == "table" then
    return x.offset == y.offset
  end
  return x == y
end

local function same(x, y)
  for _, field in ipairs(fields) do
    if x[field] ~= y[field] then
      return false
    end
  end
  return same_memory(x.b, y.b) and same_memory(x.slot, y.slot) and not x.reloc and not y.reloc
end

-- Labels of one place become one.
local function unite_labels(list)
  local names = {}
  for i, ins in ipairs(list) do
    local before = list[i - 1]
    if ins.op == "label" then
      names[ins.label] = before and before.op == "label" and names[before.label] or ins.label
    end
  end
  for _, ins in ipairs(list) do
    if ins.label and ins.op ~= "label" then
      ins.label = names[ins.label]
    end
  end
end

-- How many instructions before and at I and J are the same. Others may jump to a label, so it ends
-- there; a branch may not reach itself.
local function length(list, i, j)
  local n = 0
  while i - n >= 1 and j - n > i and list[i - n].op ~= "label" and same(list[i - n], list[j - n]) do
    n = n + 1
  end
  return n
end

-- The ends of blocks that do not continue below, by where they lead.
local function ends(list)
  local by_target = {}
  for i, ins in ipairs(list) do
    if ins.op == "jump" or ins.op == "exit" then
      local target = ins.label or "exit"
      by_target[target] = by_target[target] or {}
      table.insert(by_target[target], i)
    end
  end
  return by_target
end

-- The two ends that have the most in common: the position of the last instruction of each, and how
-- many.
local function longest(list)
  local first, second, most = nil, nil, SHORTEST - 1
  for _, positions in pairs(ends(list)) do
    for x = 1, #positions do
      for y = x + 1, #positions do
        local n = length(list, positions[x], positions[y])
        if n > most or n == most and first and positions[x] < first then
          first, second, most = positions[x], positions[y], n
        end
      end
    end
  end
  return first, second, most
end

--- The same instructions, with common ends once.
-- @param list instructions with the machine's registers
-- @param code_object that generated them, which has the labels
function tails.merge(list, code_object)
  unite_labels(list)
  while true do
    local first, second, n = longest(list)
    if not first then
      return list
    end
    local label, out = code_object:label(), {}
    for i, ins in ipairs(list) do
      if i == first - n + 1 then
        out[#out + 1] = {op = "label", label = label, depth = ins.depth}
      end
      if i == second - n + 1 then
        out[#out + 1] = {op = "jump", label = label, node = ins.node, depth = ins.depth}
      elseif i <= second - n or i > second then
        out[#out + 1] = ins
      end
    end
    list = out
  end
end

return tails
