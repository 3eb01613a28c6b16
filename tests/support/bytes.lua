--- Little-endian integers to bytes, on every Lua.
local bytes = {}

--- @param n integer, 0 to 2^53
function bytes.uint(n, size)
  local out = {}
  for i = 1, size do
    out[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return table.concat(out)
end

function bytes.u32(n)
  return bytes.uint(n, 4)
end

function bytes.u64(n)
  return bytes.uint(n, 8)
end

--- The integer that bytes hold, as a number: below 2^53.
function bytes.number(s)
  local n = 0
  for i = #s, 1, -1 do
    n = n * 256 + s:byte(i)
  end
  return n
end

--- The integer that bytes hold, in hexadecimal: "0x00000000000000ff".
function bytes.hex(s)
  return "0x" .. s:reverse():gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end)
end

return bytes
