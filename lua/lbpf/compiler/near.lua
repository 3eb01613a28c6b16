-- "did you mean": the known names that are nearest to a misspelt one.

-- The edit distance, with transpositions.
local function distance(a, b)
  local before, row = {}, {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local next = {[0] = i}
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      next[j] = math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        next[j] = math.min(next[j], before[j - 2] + 1)
      end
    end
    before, row = row, next
  end
  return row[#b]
end

--- The names of a list that resemble one, the nearest first, three at most.
local function near(name, names)
  local found, seen = {}, {}
  for _, other in ipairs(names) do
    if not seen[other] and math.abs(#other - #name) <= 3 then
      seen[other] = true
      local d = distance(name:lower(), other:lower())
      if d <= math.max(1, math.min(3, math.floor(#name / 2))) then
        found[#found + 1] = {name = other, distance = d}
      elseif #name >= 3 and other:find(name, 1, true) then
        found[#found + 1] = {name = other, distance = 4}
      end
    end
  end
  table.sort(found, function(x, y)
    if x.distance ~= y.distance then
      return x.distance < y.distance
    end
    return x.name < y.name
  end)
  local out = {}
  for i = 1, math.min(3, #found) do
    out[i] = found[i].name
  end
  return out
end

--- The end of a message: "; did you mean a, b?", or all names if they are few.
local function hint(name, names)
  local found = near(name, names)
  if #found > 0 then
    return "; did you mean " .. table.concat(found, ", ") .. "?"
  elseif #names > 0 and #names <= 16 then
    table.sort(names)
    return "; there are: " .. table.concat(names, ", ")
  end
  return ""
end

return {near = near, hint = hint}
