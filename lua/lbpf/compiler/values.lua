-- The values of expressions as instructions, with Lua 5.4's meaning: methods of the generator.
local generator = require "lbpf.compiler.instructions"
local int64 = require "lbpf.compiler.int64"

-- Each returns an operand, and a flag (an operand) that says whether there is a value; nil: always.
local value = {}

--- The value of a node, and its flag.
function generator:optional(node)
  return value[node.tag](self, node)
end

--- The value of a node. Without a value the program ends, where Lua would raise an error.
function generator:value(node)
  local operand, flag = self:optional(node)
  if flag then
    local what = node.name and ("'%s'"):format(node.name) or node.map
      and ("'%s[...]'"):format(node.map.name)
    self:branch_absent(flag, self:problem(node, ("%sthis is %s, and a value is needed"):format(
      what and what .. ": " or "", node.type.absent or "nil")))
  end
  return operand
end

function value.computed(_, node)
  return node.operand, node.flag
end

function value.number(self, node)
  if node.reloc then -- libbpf finds its value in the kernel
    return self.code:relocated(node.value, node.reloc)
  end
  local small = int64.small(node.value)
  return small and {imm = small} or self.code:imm64(node.value)
end

value["nil"] = function() return {imm = 0}, {imm = 0} end
value["true"] = function() return {imm = 1} end
value["false"] = function() return {imm = 0} end

function value.string() return {imm = 0} end

function value.name(self, node)
  local ref = node.ref
  if ref.kind == "local" then
    return ref.var.reg or {imm = 0}, node.type.absent and ref.var.flag or nil
  elseif ref.kind == "map" then
    return self:lookup(ref.map, {}, node)
  end
  return ref.def.value(self, node)
end

function value.field(self, node)
  if node.argument then
    return self:argument(node.argument)
  end
  return self:read(self:place(node), node.type, node)
end

function value.index(self, node)
  if node.map then
    return self:lookup(node.map, node.keys, node)
  end
  return self:read(self:place(node), node.type, node)
end

function value.call(self, node)
  return node.fn.ref.def.value(self, node)
end

function value.inline(self, node)
  local c = self.code
  local outer = self.loop
  node.done = c:label()
  if node.result.type then
    self:declare(node.result)
    if node.result.flag then
      c:mov(node.result.flag, {imm = 0})
      if node.result.reg then
        c:mov(node.result.reg, {imm = 0})
      end
    end
  end
  c:scoped(function()
    for i, var in ipairs(node.params) do
      self:declare(var)
      self:set(var, node.args[i])
    end
    self:statements(node.body)
  end)
  c:place(node.done)
  self.loop = outer
  return node.result.reg or {imm = 0}, node.result.flag
end

-- Arithmetic --------------------------------------------------------------------------------------

function value.unary(self, node)
  local c = self.code
  if node.op == "not" then
    local d, done = c:mov(c:reg(), {imm = 1}), c:label()
    self:cond(node.operand, false, done)
    c:mov(d, {imm = 0})
    c:place(done)
    return d
  end
  if node.op == "#" then
    return self:string_length(node.operand)
  end
  local operand = self:value(node.operand)
  if node.op == "-" then
    local d = c:mov(c:reg(), operand)
    c:emit("alu", {code = "neg", d = d})
    return d
  end
  return c:alu("~", operand, {imm = -1})
end

local function power_of_two(n)
  local log = 0
  while n > 1 and n % 2 == 0 do
    n, log = n / 2, log + 1
  end
  return n == 1 and log
end

-- By a constant above zero: a negative number is inverted before and after, for floor(-x / n) is
-- ~(~-x / n).
local function divide_by_constant(self, op, a, n, natural)
  local c, log = self.code, power_of_two(n)
  if log and op == "//" then
    return c:alu("sar", a, {imm = log})
  elseif log then
    return c:alu("&", a, {imm = n - 1})
  elseif natural then
    return c:alu(op, a, {imm = n})
  end
  local sign = c:alu("sar", a, {imm = 63})
  local d = c:change(op, c:alu("~", a, sign), {imm = n})
  c:change("~", d, sign)
  if op == "%" then
    c:change("+", d, c:alu("&", sign, {imm = n}))
  end
  return d
end

-- By a value that is known only at run time: the absolute values are divided, and the quotient is
-- adjusted if the signs differ.
local function divide(self, op, a, b, node)
  local c = self.code
  self:test("==", b, {imm = 0}, self:problem(node, op == "//" and "attempt to perform 'n//0'"
    or "attempt to perform 'n%%0'"))
  local natural = node.left.type.natural and node.right.type.natural
  if natural then
    return c:alu(op, a, b)
  end
  local a_sign, b_sign = c:alu("sar", a, {imm = 63}), c:alu("sar", b, {imm = 63})
  local divisor = c:change("-", c:alu("~", b, b_sign), b_sign)
  local quotient = c:change("-", c:alu("~", a, a_sign), a_sign)
  local sign = c:change("~", a_sign, b_sign)
  c:change("+", quotient, c:change("&", c:alu("-", divisor, {imm = 1}), sign))
  c:change("//", quotient, divisor)
  c:change("-", c:change("~", quotient, sign), sign)
  if op == "%" then
    return c:alu("-", a, c:change("*", quotient, b))
  end
  return quotient
end

local other_way = {["<<"] = ">>", [">>"] = "<<"}

-- Shifts by 64 and more give 0; a negative count shifts the other way.
local function shift(self, op, a, b)
  local c = self.code
  if type(b) == "table" then
    local n = b.imm
    if n < 0 then
      op, n = other_way[op], -n
    end
    return n < 64 and c:alu(op, a, {imm = n}) or {imm = 0}
  end
  local d, n = c:mov(c:reg(), a), c:mov(c:reg(), b)
  local far, done, out = c:label(), c:label(), c:label()
  self:hide(n)
  c:branch("u>", n, {imm = 63}, far)
  c:change(op, d, n)
  c:jump(done)
  c:place(far)
  c:emit("alu", {code = "neg", d = n})
  c:branch("u>", n, {imm = 63}, out)
  c:change(other_way[op], d, n)
  c:jump(done)
  c:place(out)
  c:mov(d, {imm = 0})
  c:place(done)
  return d
end

local commutes = {["+"] = true, ["*"] = true, ["&"] = true, ["|"] = true, ["~"] = true}

--- Two operands by Lua's operator.
function generator:arithmetic(op, a, b, node)
  local c = self.code
  if op == "<<" or op == ">>" then
    return shift(self, op, a, b)
  elseif op == "//" or op == "%" then
    if type(b) == "table" and b.imm > 0 then
      return divide_by_constant(self, op, c:in_reg(a), b.imm, node.left.type.natural)
    end
    return divide(self, op, c:in_reg(a), c:in_reg(b), node)
  elseif type(a) == "table" and commutes[op] then
    a, b = b, a
  end
  return c:alu(op, a, b)
end

-- A called function may assign to a variable before its value is used.
local function has_call(node)
  if node.tag == "inline" then
    return true
  end
  for _, part in ipairs {"left", "right", "operand", "base"} do
    if node[part] and has_call(node[part]) then
      return true
    end
  end
  for _, list in ipairs {"args", "keys"} do
    for _, item in ipairs(node[list] or {}) do
      if has_call(item) then
        return true
      end
    end
  end
  return false
end

local function operands(self, node)
  local c = self.code
  local a = self:value(node.left)
  if type(a) == "number" and has_call(node.right) then
    a = c:mov(c:reg(), a)
  end
  return a, self:value(node.right)
end

--- Of `c and a or b` the operand A of its left side, after a jump to the label unless C is true; of
-- other sides all.
function generator:chosen(left, otherwise)
  if left.chooses then
    self:cond(left.left, false, otherwise)
    return left.right
  end
  return left
end

-- `a and b`, `a or b`, where both are numbers, pointers or nil.
local function logic(self, node)
  local c, t = self.code, node.type
  if t.kind == "bool" and not t.absent then
    local d, done = c:mov(c:reg(), {imm = 1}), c:label()
    self:cond(node, true, done)
    c:mov(d, {imm = 0})
    c:place(done)
    return d
  end
  local d = c:reg()
  local flag = t.absent and (t.kind == "ptr" and d or c:reg()) or nil
  local done, otherwise = c:label(), c:label()
  local function set(operand, there)
    c:mov(d, operand)
    if flag and flag ~= d then
      c:mov(flag, there or {imm = 1})
    end
  end
  if node.op == "and" then
    self:cond(node.left, false, otherwise)
    set(self:optional(node.right))
    c:jump(done)
    c:place(otherwise)
    set({imm = 0}, {imm = 0})
  else
    local left = self:chosen(node.left, otherwise)
    local operand, there = self:optional(left)
    local kind = left.type.kind
    if kind == "nil" then
      there = {imm = 0}
    end
    self:branch_absent(there, otherwise)
    if kind == "ptr" or kind == "bool" then
      c:branch("==", c:in_reg(operand), {imm = 0}, otherwise)
    end
    set(operand)
    c:jump(done)
    c:place(otherwise)
    set(self:optional(node.right))
  end
  c:place(done)
  return d, flag
end

function value.binary(self, node)
  local op, c = node.op, self.code
  if op == "and" or op == "or" then
    return logic(self, node)
  elseif self.is_comparison[op] then
    local d, done = c:mov(c:reg(), {imm = 1}), c:label()
    self:cond(node, true, done)
    c:mov(d, {imm = 0})
    c:place(done)
    return d
  end
  local a, b = operands(self, node)
  return self:arithmetic(op, a, b, node)
end

-- Comparing ---------------------------------------------------------------------------------------

local negated = {["=="] = "~=", ["~="] = "==", ["<"] = ">=", [">="] = "<", [">"] = "<=",
  ["<="] = ">"}
local mirrored = {["=="] = "==", ["~="] = "~=", ["<"] = ">", [">"] = "<", ["<="] = ">=",
  [">="] = "<="}

local function branch_values(self, node, op, a, b, label)
  local c = self.code
  if type(a) == "table" then
    if type(b) == "table" then
      a = c:in_reg(a)
    else
      a, b, op = b, a, mirrored[op]
    end
  end
  if node.left.type.kind == "ptr" then
    return c:branch(op, a, b, label)
  end
  self:test(op, a, b, label)
end

-- Jumps if both have values that are equal, or both are nil.
local function compare_optional(self, node, equal, label)
  local c = self.code
  local a, a_flag = self:optional(node.left)
  local b, b_flag = self:optional(node.right)
  local past, a_absent = c:label(), c:label()
  local same, differs = equal and label or past, equal and past or label
  self:branch_absent(a_flag, a_absent)
  self:branch_absent(b_flag, differs)
  branch_values(self, node, "~=", a, b, differs)
  c:jump(same)
  c:place(a_absent)
  if a_flag and b_flag then
    self:branch_absent(b_flag, same)
  end
  c:jump(differs)
  c:place(past)
end

--- Jumps to the label if the comparison is true (or false: SENSE).
function generator:compare(node, sense, label)
  local l, r, op = node.left, node.right, node.op
  local equality = op == "==" or op == "~="
  if equality and (l.type.kind == "nil" or r.type.kind == "nil") then
    local other = l.type.kind == "nil" and r or l
    return self:compare_nil(other, sense == (op == "=="), label)
  elseif equality and l.type.kind == "str" then
    return self:compare_strings(node, (op == "==") == sense, label)
  elseif l.type.kind == "str" then
    return self:order_strings(node, sense, label)
  elseif equality and (l.type.absent or r.type.absent) then
    return compare_optional(self, node, (op == "==") == sense, label)
  end
  local a, b = operands(self, node)
  branch_values(self, node, sense and op or negated[op], a, b, label)
end

--- Jumps to the label if the node is nil (or not nil: SENSE). A null pointer is nil.
function generator:compare_nil(node, sense, label)
  local c = self.code
  local operand, flag = self:optional(node)
  local past = sense and label or c:label()
  local absent = sense and label or past
  if node.type.kind == "nil" then
    flag = {imm = 0}
  end
  self:branch_absent(flag, absent)
  if node.type.kind == "ptr" then
    c:branch("==", c:in_reg(operand), {imm = 0}, absent)
  end
  if not sense then
    c:jump(label)
    c:place(past)
  end
end

return generator
