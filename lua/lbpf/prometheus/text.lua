-- Numbers and strings as Prometheus' text format has them.
local text = {}

-- Integers to their last digit, also LuaJIT's 64-bit ones. nil if it is no number.
function text.number(n)
  if type(n) == "number" then
    if n ~= n then
      return "NaN"
    elseif n == math.huge or n == -math.huge then
      return n > 0 and "+Inf" or "-Inf"
    elseif n % 1 == 0 and n > -2 ^ 53 and n < 2 ^ 53 then
      return ("%d"):format(n)
    end
    return math.type and math.type(n) == "integer" and tostring(n)
      or (n % 1 == 0 and "%.0f" or "%.17g"):format(n)
  end
  return type(n) == "cdata" and tostring(n):match("^(-?%d+)U?LL$") or nil
end

-- UTF-8 ------------------------------------------------------------------------------------------

-- What a character beyond ASCII may be: Unicode, table 3-7.
local characters = {
  "^[\194-\223][\128-\191]",
  "^\224[\160-\191][\128-\191]",
  "^[\225-\236\238\239][\128-\191][\128-\191]",
  "^\237[\128-\159][\128-\191]",
  "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]",
  "^\244[\128-\143][\128-\191][\128-\191]",
}

local REPLACEMENT = "\239\191\189" -- U+FFFD

local function character_at(s, at)
  for _, pattern in ipairs(characters) do
    local _, last = s:find(pattern, at)
    if last then
      return s:sub(at, last)
    end
  end
end

-- Whatever any process may call itself: one byte that is no UTF-8 makes Prometheus drop the page.
local function utf8_of(s)
  local at = s:find("[\128-\255]")
  if not at then
    return s
  end
  local parts, start = {}, 1
  while at do
    local character = character_at(s, at)
    parts[#parts + 1] = s:sub(start, at - 1) .. (character or REPLACEMENT)
    start = at + (character and #character or 1)
    at = s:find("[\128-\255]", start)
  end
  return table.concat(parts) .. s:sub(start)
end

-- Strings ----------------------------------------------------------------------------------------

local escapes = {["\\"] = "\\\\", ["\n"] = "\\n", ['"'] = '\\"'}

function text.help(s)
  return (utf8_of(s):gsub("[\\\n]", escapes))
end

-- A label's value, in its quotes; nil if it is none.
function text.label(value)
  if type(value) == "string" then
    return '"' .. utf8_of(value):gsub('[\\\n"]', escapes) .. '"'
  elseif type(value) == "boolean" then
    return '"' .. tostring(value) .. '"'
  end
  local number = text.number(value)
  return number and '"' .. number .. '"'
end

return text
