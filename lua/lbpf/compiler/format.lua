-- The formats of printf(), which are C's as far as Lua's string.format has them.

-- What string.format is given for each conversion; `number`: of a whole number only.
local conversions = {
  d = {"d", number = true}, i = {"d", number = true}, u = {"d", number = true},
  x = {"x", number = true}, X = {"X", number = true}, o = {"o", number = true},
  c = {"c", number = true}, p = {"s"}, s = {"s"},
}

--- The parts of a format: strings, and tables {spec, number} for the values, in order.
-- @param text
-- @return a list; nil and what is wrong
return function(text)
  local parts, at = {}, 1
  while at <= #text do
    local stop = text:find("%", at, true)
    if stop ~= at then
      parts[#parts + 1] = text:sub(at, (stop or 0) - 1)
    end
    if not stop then
      break
    end
    local flags, width, letter, next = text:match("^([-+ #0]*)(%d?%d?%.?%d?%d?)[lhz]*(.)()",
      stop + 1)
    if letter == "%" then
      parts[#parts + 1] = "%"
    else
      local conversion = conversions[letter]
      if not conversion then
        return nil, ("'%s' is not a conversion of printf(), "
          .. "which has %%d %%u %%x %%X %%o %%c %%p %%s"):format(text:sub(stop, (next or 0) - 1))
      end
      parts[#parts + 1] = {spec = "%" .. flags .. width .. conversion[1],
        number = conversion.number or false}
    end
    at = next
  end
  return parts
end
