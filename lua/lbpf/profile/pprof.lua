-- Writes pprof's profile.proto: protocol buffers with integers, strings and nested messages.

local char, floor = string.char, math.floor

local function varint(n)
  local bytes = {}
  repeat
    local low = n % 128
    n = floor(n / 128)
    bytes[#bytes + 1] = char(floor(n > 0 and low + 128 or low))
  until n == 0
  return table.concat(bytes)
end

local function integer(field, n)
  return n == 0 and "" or varint(field * 8) .. varint(n)
end

local function bytes(field, text)
  return varint(field * 8 + 2) .. varint(#text) .. text
end

-- Numbers names from 1 on. Returns the list of names, and a function from a name to its number.
local function numbering()
  local list, numbers = {}, {}
  return list, function(name)
    if not numbers[name] then
      list[#list + 1] = name
      numbers[name] = #list
    end
    return numbers[name]
  end
end

-- Returns the bytes of a profile. EACH calls a function for each stack, with its frames and count.
return function(kind, unit, opts, each)
  local parts = {}
  local function add(text)
    parts[#parts + 1] = text
  end
  local strings, string_number = numbering() -- number 0 is ""
  local functions, function_number = numbering()

  local value_type = integer(1, string_number(kind)) .. integer(2, string_number(unit))
  add(bytes(1, value_type))
  each(function(frames, count)
    local locations = {}
    for i = #frames, 1, -1 do -- the leaf first
      locations[#locations + 1] = varint(function_number(frames[i]))
    end
    add(bytes(2, bytes(1, table.concat(locations)) .. bytes(2, varint(floor(count)))))
  end)
  for number, name in ipairs(functions) do -- one location each
    add(bytes(4, integer(1, number) .. bytes(4, integer(1, number))))
    local text = string_number(name)
    add(bytes(5, integer(1, number) .. integer(2, text) .. integer(3, text)))
  end
  add(bytes(6, ""))
  for _, text in ipairs(strings) do
    add(bytes(6, text))
  end
  add(integer(9, floor((opts.time or 0) * 1e9)))
  add(integer(10, floor((opts.duration or 0) * 1e9)))
  add(bytes(11, value_type))
  add(integer(12, floor(opts.period or 0)))
  return table.concat(parts)
end
