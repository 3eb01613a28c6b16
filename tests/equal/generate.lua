-- Random programs in the language of lbpf.compile, which is Lua's: arithmetic, conditions, loops,
-- functions, maps, strings. What such a program does shows in the map `out`.
local generate = {}
generate.__index = generate

local EDGES = {"0", "1", "-1", "2", "63", "64", "-64", "255", "0x7fffffff", "0x80000000",
  "-2147483648", "0xffffffff", "0x7fffffffffffffff", "0x8000000000000000", "0xffffffffffffffff",
  "math.maxinteger", "math.mininteger", "1000003"}
local STRINGS = {'""', '"a"', '"b"', '"cat"', '"longer than eight"', '"seven77"', '"eight888"',
  '"\\xff\\x80"'}

-- A generator of our own, so that a seed means the same with every Lua.
function generate:random(n)
  self.seed = (self.seed * 1103515245 + 12345) % 2147483648
  return math.floor(self.seed / 65536) % n + 1
end

function generate:pick(list)
  return list[self:random(#list)]
end

function generate:chance(percent)
  return self:random(100) <= percent
end

function generate:number()
  if self:chance(35) then
    return self:pick(EDGES)
  end
  return tostring(self:random(self:pick {10, 100, 30000}) - self:pick {0, 5, 15000})
end

local function names_of(self, kind)
  local list = {}
  for _, var in ipairs(self.vars) do
    if var.kind == kind then
      list[#list + 1] = var.name
    end
  end
  return list
end

function generate:variable(kind)
  local list = names_of(self, kind)
  return #list > 0 and self:pick(list) or nil
end

-- A key of the map `m`, whose values are numbers, or of `pairs2`, which has two keys.
function generate:entry(depth)
  if self:chance(30) then
    return ("two[{%s, %s}]"):format(self:number_of(depth), self:string_of())
  end
  return ("m[%s]"):format(self:chance(70) and tostring(self:random(6)) or self:number_of(depth))
end

local OPS = {"+", "-", "*", "&", "|", "~"}

function generate:number_of(depth)
  local r = self:random(depth > 0 and (self.joins and 17 or 16) or 3)
  if r <= 1 then
    return self:number()
  elseif r <= 3 then
    return self:variable "int" or self:number()
  elseif r <= 8 then
    return ("(%s %s %s)"):format(self:number_of(depth - 1), self:pick(OPS),
      self:number_of(depth - 1))
  elseif r == 9 then
    local divisor = self:chance(60) and self:pick {"1", "2", "3", "7", "8", "-1", "-3", "1000",
      "64", "4096"}
      or self:chance(90) and ("(%s | 1)"):format(self:number_of(depth - 1))
        or self:number_of(depth - 1)
    return ("(%s %s %s)"):format(self:number_of(depth - 1), self:pick {"//", "%"}, divisor)
  elseif r == 10 then
    local count = self:chance(60) and tostring(self:random(70) - 3) or self:number_of(depth - 1)
    return ("(%s %s %s)"):format(self:number_of(depth - 1), self:pick {"<<", ">>"}, count)
  elseif r == 11 then
    return ("%s(%s)"):format(self:pick {"-", "~"}, self:number_of(depth - 1))
  elseif r == 12 then
    return ("(%s or %s)"):format(self:maybe(depth - 1), self:number_of(depth - 1))
  elseif r == 13 then
    return ("(%s and %s or %s)"):format(self:condition(depth - 1), self:number_of(depth - 1),
      self:number_of(depth - 1))
  elseif r == 14 and #self.functions > 0 and not self.in_function then
    return self:call(depth - 1)
  elseif r == 15 then
    return ("math.%s(%s, %s)"):format(self:pick {"min", "max"}, self:number_of(depth - 1),
      self:number_of(depth - 1))
  elseif r == 17 then
    return ("#(%s)"):format(self:joined())
  end
  return self:variable "int" or self:number()
end

function generate:call(depth)
  local fn, args = self:pick(self.functions), {}
  for i = 1, fn.params do
    args[i] = self:number_of(depth)
  end
  return ("%s(%s)"):format(fn.name, table.concat(args, ", "))
end

-- A number or nil.
function generate:maybe(depth)
  local name = self:chance(50) and self:variable "maybe"
  return name or self:entry(depth)
end

function generate:string_of()
  return self:chance(40) and self:variable "string" or self:pick(STRINGS)
end

-- A string that may be joined of two; not for variables, whose strings would grow in loops.
function generate:joined()
  if not self.joins or self:chance(40) then
    return self:string_of()
  end
  return ("%s .. %s"):format(self:string_of(), self:string_of())
end

-- A condition that is true or false, where a value is wanted.
function generate:boolean()
  return ("not (%s)"):format(self:condition(2))
end

local COMPARE = {"<", "<=", ">", ">=", "==", "~="}

function generate:condition(depth)
  local r = self:random(depth > 0 and 11 or 3)
  if r <= 3 then
    return ("%s %s %s"):format(self:number_of(math.min(depth, 2)), self:pick(COMPARE),
      self:number_of(math.min(depth, 1)))
  elseif r == 4 then
    return ("not (%s)"):format(self:condition(depth - 1))
  elseif r <= 6 then
    return ("(%s and %s)"):format(self:condition(depth - 1), self:condition(depth - 1))
  elseif r <= 8 then
    return ("(%s or %s)"):format(self:condition(depth - 1), self:condition(depth - 1))
  elseif r == 9 then
    return ("%s %s %s"):format(self:joined(), self:pick {"==", "~=", "<", "<=", ">", ">="},
      self:joined())
  elseif r == 10 then
    return self:chance(50) and self:variable "bool"
      or ("math.ult(%s, %s)"):format(self:number_of(1),
      self:number_of(1))
  end
  local entry = self:maybe(1)
  return self:pick {entry, entry .. " ~= nil", entry .. " == nil", entry .. " == "
    .. self:number_of(1)}
end

-- Statements --------------------------------------------------------------------------------------

function generate:line(text, ...)
  if select("#", ...) > 0 then
    text = text:format(...)
  end
  self.lines[#self.lines + 1] = ("  "):rep(self.depth) .. text
end

function generate:new_name(kind)
  self.names = self.names + 1
  local name = kind:sub(1, 1) .. self.names
  return name
end

function generate:declare(kind, name)
  self.vars[#self.vars + 1] = {kind = kind, name = name}
end

function generate:block(n, depth)
  self.depth = self.depth + 1
  local known = #self.vars
  for _ = 1, n do
    self:statement(depth)
  end
  for i = #self.vars, known + 1, -1 do
    self.vars[i] = nil
  end
  self.depth = self.depth - 1
end

function generate:out(value)
  self.results = self.results + 1
  self:line("out[%d] = %s", self.results, value)
end

local function new_local(self)
  local r = self:random(6)
  local name
  if r <= 3 then
    name = self:new_name "int"
    self:line("local %s = %s", name, self:number_of(3))
    self:declare("int", name)
  elseif r == 4 then
    name = self:new_name "bool"
    self:line("local %s = %s", name, self:boolean())
    self:declare("bool", name)
  elseif r == 5 then
    name = self:new_name "string"
    self:line("local %s = %s", name, self:string_of())
    self:declare("string", name)
  else
    name = self:new_name "maybe"
    self:line("local %s = %s", name, self:entry(1))
    self:declare("maybe", name)
  end
end

local function assign(self)
  local r = self:random(5)
  local kind = self:pick {"int", "int", "maybe", "bool", "string"}
  local name = r <= 3 and self:variable(kind)
  if not name then
    return self:line("%s = %s", self:entry(1), self:chance(20) and "nil" or self:number_of(2))
  elseif kind == "int" and self:chance(30) then
    local other = self:variable "int"
    if other ~= name then
      return self:line("%s, %s = %s, %s", name, other, self:number_of(2), self:number_of(2))
    end
  end
  local value = kind == "int" and self:number_of(3) or kind == "bool" and self:boolean()
    or kind == "string" and self:string_of() or self:chance(25) and "nil"
    or self:chance(50) and self:number_of(2) or self:entry(1)
  self:line("%s = %s", name, value)
end

local function branch(self, depth)
  self:line("if %s then", self:condition(3))
  self:block(self:random(3), depth - 1)
  if self:chance(30) then
    self:line("elseif %s then", self:condition(2))
    self:block(self:random(2), depth - 1)
  end
  if self:chance(50) then
    self:line "else"
    self:block(self:random(2), depth - 1)
  end
  self:line "end"
end

local function loop(self, depth)
  local r, name = self:random(3), self:new_name "index"
  if r == 1 then
    local first = self:random(20) - 10
    local step = self:pick {1, 1, -1, 2, 3, -4}
    local last = self:chance(70) and tostring(first + step * (self:random(12) - 2))
      or ("(%s %% 20)"):format(self:number_of(1))
    self:line("for %s = %d, %s%s do", name, first, last, step == 1 and self:chance(80) and ""
      or ", " .. step)
    self:declare("int", name)
  else
    self:line("local %s = %d", name, self:random(5))
    self:line("%s", r == 2 and ("while %s < %d do"):format(name, self:random(20)) or "repeat")
    self.depth = self.depth + 1
    self:line("%s = %s + %d", name, name, self:random(3))
    self.depth = self.depth - 1
  end
  local outer = self.in_loop
  self.in_loop = true
  self:block(self:random(3), depth - 1)
  self.in_loop = outer
  if r == 1 then
    self.vars[#self.vars] = nil
  end
  self:line("%s", r == 3 and ("until %s >= %d"):format(name, self:random(20)) or "end")
end

function generate:statement(depth)
  local r = self:random(depth > 0 and 12 or 7)
  if r <= 2 then
    new_local(self)
  elseif r <= 5 then
    assign(self)
  elseif r <= 7 then
    self:out(self:number_of(3))
  elseif r <= 10 then
    branch(self, depth)
  elseif r == 11 then
    loop(self, depth)
  elseif self.in_loop and not (self.in_function and self:chance(50)) then
    self:line("if %s then break end", self:condition(1))
  elseif self.in_function then
    self:line("if %s then return %s end", self:condition(1), self:number_of(1))
  end
end

-- A function of one to three numbers.
local function define_function(self)
  local name, params = self:new_name "function", {}
  local known, functions = self.vars, self.functions
  self.vars = {}
  for i = 1, self:random(3) do
    params[i] = self:new_name "param"
    self:declare("int", params[i])
  end
  self:line("local function %s(%s)", name, table.concat(params, ", "))
  self.in_function, self.depth = true, self.depth + 1
  for _ = 1, self:random(3) do
    self:statement(self.joins and 2 or 1)
  end
  self:line("return %s", self:number_of(2))
  self.in_function, self.depth = false, self.depth - 1
  self:line "end"
  self.vars = known
  functions[#functions + 1] = {name = name, params = #params}
end

--- A program of so many cases, each in a block of its own.
-- @param seed
-- @param cases
-- @param joins ?true: strings are joined and measured, too; and functions return from loops
-- @return the source
local function program(seed, cases, joins)
  local self = setmetatable({seed = seed, lines = {}, depth = 0, vars = {}, functions = {},
    names = 0,
    results = 0, joins = joins}, generate)
  for _ = 1, 3 do
    self:random(2)
  end
  -- what the maps hold is known to be numbers before anything is read
  self:line 'm[1] = 5'
  self:line 'two[{1, "a"}] = 7'
  for i = 1, cases do
    self:line("do -- case %d", i)
    self.functions = {}
    if self:chance(30) then
      self.depth = self.depth + 1
      define_function(self)
      self.depth = self.depth - 1
    end
    self:block(self:random(6), 2)
    self.depth = self.depth + 1
    self:out(self:number_of(4))
    self.depth = self.depth - 1
    self:line "end"
  end
  return table.concat(self.lines, "\n")
end

return {program = program}
