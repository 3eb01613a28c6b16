-- Values of maps and of the kernel's information, as text and for JSON.

local show = {}

-- "a word", or bytes as bpftool has them.
local function string_text(value)
  if value:find("[%z\1-\8\14-\31\127-\255]") then
    return (value:gsub(".", function(byte)
      return ("%02x "):format(byte:byte())
    end):gsub(" $", ""))
  end
  return ("%q"):format(value):gsub("\\\n", "\\n")
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and type(a) ~= "boolean" then
      return a < b
    end
    return tostring(a) < tostring(b)
  end)
  return keys
end

local function is_list(t)
  local n = 0
  for _ in pairs(t) do
    n = n + 1
  end
  return n == #t
end

--- A value as Lua writes it, tables on one line; strings that are not text as hexadecimal bytes.
function show.text(value)
  if type(value) == "string" then
    return string_text(value)
  elseif type(value) == "cdata" then
    return (tostring(value):gsub("U?LL$", ""))
  elseif type(value) ~= "table" then
    return tostring(value)
  end
  local parts = {}
  if is_list(value) then
    for i, item in ipairs(value) do
      parts[i] = show.text(item)
    end
  else
    for i, key in ipairs(sorted_keys(value)) do
      parts[i] = ("%s = %s"):format(type(key) == "string" and key or "[" .. show.text(key) .. "]",
        show.text(value[key]))
    end
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local EXACT = 2 ^ 53

--- A value for an encoder of JSON: integers that its numbers cannot hold are strings of digits, and
-- strings that are not text are hexadecimal bytes.
function show.plain(value)
  if type(value) == "table" then
    local copy, list = {}, is_list(value)
    for key, item in pairs(value) do
      copy[list and key or show.name(key)] = show.plain(item)
    end
    return copy
  elseif type(value) == "string" then
    return value:find("[%z\1-\8\14-\31\127-\255]") and string_text(value) or value
  elseif type(value) == "cdata" or type(value) == "number" then
    local number = tonumber(value)
    return number > -EXACT and number < EXACT and number or show.text(value)
  end
  return value
end

--- The name of a member of a JSON object.
function show.name(key)
  return type(key) == "string" and key or show.text(key)
end

return show
