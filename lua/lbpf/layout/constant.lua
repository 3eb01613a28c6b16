-- Constant expressions: the lengths of arrays, the widths of bit fields, the values of enums. A
-- value is a number that is exact, or, if no double is that, a table with its digits as `big`.
local constant = {}

local EXACT = 2 ^ 53

-- The operators by how strongly they bind.
local levels = {
  {"||"}, {"&&"}, {"|"}, {"^"}, {"&"}, {"==", "!="}, {"<", ">", "<=", ">="}, {"<<", ">>"},
  {"+", "-"}, {"*", "/", "%"},
}
for i, list in ipairs(levels) do
  levels[i] = {}
  for _, operator in ipairs(list) do
    levels[i][operator] = true
  end
end

local function truth(condition)
  return condition and 1 or 0
end

local function truncate(n)
  return n < 0 and math.ceil(n) or math.floor(n)
end

-- Goes through the bits of two natural numbers.
local function bitwise(a, b, keeps)
  if a < 0 or b < 0 then
    return nil
  end
  local result, bit = 0, 1
  while a > 0 or b > 0 do
    local x, y = a % 2, b % 2
    if keeps(x, y) then
      result = result + bit
    end
    a, b, bit = (a - x) / 2, (b - y) / 2, bit * 2
  end
  return result
end

local operators = {
  ["||"] = function(a, b) return truth(a ~= 0 or b ~= 0) end,
  ["&&"] = function(a, b) return truth(a ~= 0 and b ~= 0) end,
  ["|"] = function(a, b) return bitwise(a, b, function(x, y) return x + y > 0 end) end,
  ["^"] = function(a, b) return bitwise(a, b, function(x, y) return x ~= y end) end,
  ["&"] = function(a, b) return bitwise(a, b, function(x, y) return x + y == 2 end) end,
  ["=="] = function(a, b) return truth(a == b) end,
  ["!="] = function(a, b) return truth(a ~= b) end,
  ["<"] = function(a, b) return truth(a < b) end,
  [">"] = function(a, b) return truth(a > b) end,
  ["<="] = function(a, b) return truth(a <= b) end,
  [">="] = function(a, b) return truth(a >= b) end,
  ["<<"] = function(a, b) return b >= 0 and b < 64 and a * 2 ^ b or nil end,
  [">>"] = function(a, b) return b >= 0 and b < 64 and math.floor(a / 2 ^ b) or nil end,
  ["+"] = function(a, b) return a + b end,
  ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b) return a * b end,
  ["/"] = function(a, b) return b ~= 0 and truncate(a / b) or nil end,
  ["%"] = function(a, b) return b ~= 0 and a - b * truncate(a / b) or nil end,
}

local function compute(p, at, operator, a, b)
  local value = type(a) == "number" and type(b) == "number" and operators[operator](a, b)
  local limit = operator == "<<" and 2 ^ 64 or operator:match "^[|&^]$" and 2 ^ 64 or EXACT
  if not value or value >= limit or value <= -limit then
    p:fail(at, "'%s' has no result that is known here", operator)
  end
  return value
end

local unary = {}

unary["-"] = function(p, at, value)
  if type(value) == "table" then
    return value.big:match "^%d" and not value.big:match "^0" and {big = "-" .. value.big}
      or p:fail(at, "the number is too large")
  end
  return 0 - value
end

unary["+"] = function(_, _, value) return value end

unary["!"] = function(_, _, value) return truth(value == 0) end

local binary

local function primary(p)
  local token = p:take()
  if token.kind == "number" then
    return token.value
  elseif unary[token.kind] then
    return unary[token.kind](p, token.at, primary(p))
  elseif token.kind == "(" then
    local value = constant.parse(p)
    p:expect ")"
    return value
  elseif token.value == "sizeof" and token.kind == "name" then
    p:expect "("
    local size = p:type_name().size
    p:expect ")"
    return size
  elseif token.kind == "name" then
    return p:enumerator(token)
  end
  p:fail(token.at, "expected a number, got '%s'", token.value)
end

function binary(p, level)
  if not levels[level] then
    return primary(p)
  end
  local value = binary(p, level + 1)
  while levels[level][p:peek().kind] do
    local operator = p:take()
    value = compute(p, operator.at, operator.kind, value, binary(p, level + 1))
  end
  return value
end

--- The value of the expression that begins at the parser's next token.
function constant.parse(p)
  local value = binary(p, 1)
  if not p:skip "?" then
    return value
  end
  local yes = constant.parse(p)
  p:expect ":"
  local no = constant.parse(p)
  return value ~= 0 and yes or no
end

--- The same, for a number from 0 to MOST.
function constant.natural(p, most, what)
  local at = p:peek().at
  local value = constant.parse(p)
  if type(value) ~= "number" or value < 0 or value > most then
    p:fail(at, "%s must be from 0 to %d", what, most)
  end
  return value
end

return constant
