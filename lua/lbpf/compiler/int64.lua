-- Constants of 64 bits, on every Lua: a number if that is exact as a double, which nearly all are;
-- otherwise a table of two unsigned words, `hi` and `lo`.
local int64 = {}

local WORD, EXACT = 4294967296, 9007199254740992 -- 2^32, 2^53
local SIGN = 2147483648

-- The same number, as an integer where Lua has these.
local function integral(n)
  return math.tointeger and math.tointeger(n) or n -- luacheck: ignore 143
end

local function from_words(hi, lo)
  local signed = hi >= SIGN and hi - WORD or hi
  local n = signed * 4294967296.0 + lo
  if n > -EXACT and n < EXACT then
    return integral(n)
  end
  return {hi = hi, lo = lo}
end
int64.from_words = from_words

--- The low and the high word, both unsigned.
function int64.words(n)
  if type(n) == "table" then
    return n.lo, n.hi
  end
  local lo = n % WORD
  return lo, ((n - lo) / WORD) % WORD
end

function int64.negate(n)
  if type(n) == "number" then
    return 0 - n
  end
  local lo = (WORD - n.lo) % WORD
  return from_words((WORD - n.hi - (lo == 0 and 0 or 1)) % WORD, lo)
end

local function from_hex(digits)
  digits = digits:sub(-16)
  return from_words(tonumber(digits:sub(1, -9), 16) or 0, tonumber(digits:sub(-8), 16))
end

-- nil if it is more than 2^63 - 1, and with `negative` than 2^63.
local function from_decimal(digits, negative)
  local hi, lo = 0, 0
  for digit in digits:gmatch "%d" do
    lo = lo * 10 + tonumber(digit)
    local carry = math.floor(lo / WORD)
    lo, hi = lo - carry * WORD, hi * 10 + carry
    if hi > SIGN or hi == SIGN and not (negative and lo == 0) then
      return nil
    end
  end
  return from_words(hi, lo)
end

--- The value of an integer's text in Lua 5.4, which may have a sign; nil if it is a float.
function int64.parse(text)
  local sign, digits = text:match "^(%-?)(%d+)$"
  if digits then
    local n = from_decimal(digits, sign == "-")
    return n and sign == "-" and int64.negate(n) or n
  end
  digits = text:match "^0[xX](%x+)$"
  return digits and from_hex(digits)
end

--- Converts a value of the running Lua: an integral number, or 64-bit cdata; nil for others.
function int64.from_lua(value)
  if type(value) == "cdata" then
    local text = tostring(value):match "^(%-?%d+)U?LL$"
    return text and (int64.parse(text) or int64.negate(int64.parse("-" .. text) or 0))
  elseif type(value) == "number" then
    if math.type and math.type(value) == "integer" then -- luacheck: ignore 143
      return int64.parse(("%d"):format(value))
    end
    return value == math.floor(value) and value > -EXACT and value < EXACT and value or nil
  end
end

--- The number if it fits into 32 bits, signed, as an instruction's immediate.
function int64.small(n)
  return type(n) == "number" and n >= -SIGN and n < SIGN and n or nil
end

function int64.equal(a, b)
  if type(a) == "table" and type(b) == "table" then
    return a.hi == b.hi and a.lo == b.lo
  end
  return a == b
end

local function is_natural(n)
  return type(n) == "number" and n >= 0 and n < SIGN
end

local folds = {
  ["+"] = function(a, b) return a + b end,
  ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b) return a * b end,
  ["//"] = function(a, b) return is_natural(a) and is_natural(b) and b > 0
    and math.floor(a / b) end,
  ["%"] = function(a, b) return is_natural(a) and is_natural(b) and b > 0 and a % b end,
  ["<<"] = function(a, b) return is_natural(a) and is_natural(b) and b < 64 and a * 2 ^ b end,
  [">>"] = function(a, b) return is_natural(a) and is_natural(b) and b < 64
    and math.floor(a / 2 ^ b) end,
}

--- The result of an operator if doubles hold it exactly; nil if the program must compute it.
function int64.fold(op, a, b)
  local fold = folds[op]
  if not fold or type(a) ~= "number" or type(b) ~= "number" then
    return nil
  end
  local n = fold(a, b)
  return n and n > -EXACT and n < EXACT and integral(n) or nil
end

local function word(n)
  local a = n % 256
  n = (n - a) / 256
  local b = n % 256
  n = (n - b) / 256
  local c = n % 256
  return string.char(a, b, c, (n - c) / 256)
end

--- The eight bytes, lowest first; or the first SIZE of them: 2 or 4.
function int64.bytes(n, size)
  local lo, hi = int64.words(n)
  if size == 2 then
    return word(lo):sub(1, 2)
  end
  return size == 4 and word(lo) or word(lo) .. word(hi)
end

return int64
