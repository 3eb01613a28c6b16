--- Values as text: every leaf with its type, for integers of 64 bits are different things in
-- different Luas.
local function show(value)
  if type(value) ~= "table" then
    return type(value) .. " " .. tostring(value)
  end
  local list = {}
  for k, v in pairs(value) do
    list[#list + 1] = tostring(k) .. " = " .. show(v)
  end
  table.sort(list)
  return "{" .. table.concat(list, ", ") .. "}"
end

--- All arguments.
return function(...)
  local list = {}
  for i = 1, select("#", ...) do
    list[i] = show((select(i, ...)))
  end
  return table.concat(list, "; ")
end
