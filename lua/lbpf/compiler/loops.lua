-- Loops as instructions, and what keeps the verifier from following their rounds: methods of the
-- generator.
--
-- In a loop by may_goto the verifier stops once it finds a state that an earlier one includes, and
-- compares what it knows of every register that is still needed. So a program must not let it
-- learn: it would follow constants from round to round, and in a round with many conditions each
-- way through them apart. A sum with a zero that the verifier does not know (a variable in .bss) is
-- unknown to it. `self.zero` is the register with that zero; `self.wary` says that there are many
-- conditions.
local generator = require "lbpf.compiler.instructions"

local WALKED_ROUNDS = 16 -- of an innermost loop that the verifier may walk
local FEW = 6 -- conditions, of which it may follow each way

local statement = generator.statement

-- Hiding ------------------------------------------------------------------------------------------

local function load_zero(self)
  self.env.zero.used = true
  return self.code:load(self.code:in_reg {map = self.env.zero.name}, 0, 8)
end

local function hide(self, r)
  if r then
    self.code:change("+", r, self.zero)
  end
end

--- Hides what the verifier knows of a number, in a loop with many conditions.
function generator:hide(r)
  if self.wary then
    hide(self, r)
  end
end

-- What changes in a loop: registers, and variables. The verifier must know pointers.
local function hide_registers(self, registers, vars)
  for _, r in ipairs(registers) do
    hide(self, r)
  end
  local seen = {}
  for _, var in ipairs(vars) do
    if not seen[var] and var.type.kind ~= "ptr" then
      seen[var] = true
      hide(self, var.reg)
      hide(self, var.flag)
    end
  end
end

-- A copy from which the verifier learns nothing of the register itself.
local function hidden_copy(self, operand)
  if type(operand) == "table" then
    return operand
  end
  local copy = self.code:mov(self.code:reg(), operand)
  hide(self, copy)
  return copy
end

--- Jumps as code:branch() does, on numbers of which the verifier need not know the result.
function generator:test(op, a, b, label)
  if self.wary then
    a, b = hidden_copy(self, a), hidden_copy(self, b)
  end
  self.code:branch(op, a, b, label)
end

-- Loops -------------------------------------------------------------------------------------------

-- How the end of a loop is guaranteed to the verifier: it walks a few rounds itself; or the kernel
-- counts them (may_goto), or the program does.
local function guard(self, node, kind, counter)
  local c, rounds = self.code, self.env.options.rounds
  if kind == "bounded" then
    c:branch("==", counter, {imm = 0},
      self:problem(node, ("this loop ends after %d rounds"):format(rounds)))
    c:change("-", counter, {imm = 1})
  elseif kind == "may_goto" then
    c:emit("may_goto", {label = self:problem(node, "this loop has gone on for too long")})
  end
end

-- A loop whose body F generates; registers of its own that change are in `changing`.
local function loop(self, node, rounds, changing, f)
  local c, outer, zero, wary = self.code, self.loop, self.zero, self.wary
  local kind = self.env.options.loops
  if rounds and (kind == "bounded"
    or rounds <= WALKED_ROUNDS and not node.has_loops and not self.zero) then
    kind = "walked"
  end
  local top = c:label()
  self.loop = {done = c:label()}
  local counter = kind == "bounded" and c:mov(c:reg(), {imm = self.env.options.rounds})
  if kind == "may_goto" then
    self.zero = self.zero or load_zero(self)
    self.wary = self.wary or node.conditions > FEW
  end
  c.depth = c.depth + 1
  c:place(top)
  if kind == "may_goto" then
    hide_registers(self, changing, node.assigned)
  end
  guard(self, node, kind, counter)
  f(self.loop.done)
  c:jump(top)
  c.depth = c.depth - 1
  c:place(self.loop.done)
  self.loop, self.zero, self.wary = outer, zero, wary
end

statement["while"] = function(self, node)
  loop(self, node, nil, {}, function(done)
    self.code:scoped(function()
      self:cond(node.cond, false, done)
    end)
    self:block(node.body)
  end)
end

statement["repeat"] = function(self, node)
  loop(self, node, nil, {}, function(done)
    self.code:scoped(function()
      self:statements(node.body) -- the condition sees its variables
      self:cond(node.cond, true, done)
    end)
  end)
end

-- How often a loop with constant bounds runs; nil if that is not known.
local function rounds_of(first, last, step)
  if first.imm and last.imm then
    return math.max(0, math.floor((last.imm - first.imm) / step) + 1)
  end
end

statement["for"] = function(self, node)
  local c = self.code
  local step = node.step and node.step.value or 1
  local start, stop = self:value(node.first), self:value(node.last)
  local constant = type(start) == "table" and type(stop) == "table"
  local rounds = constant and rounds_of(start, stop, step)
  if rounds == 0 then
    return
  end
  local i = c:mov(c:reg(), start)
  local last = type(stop) == "table" and stop or c:mov(c:reg(), stop)
  local skip = c:label()
  if not rounds then
    c:branch(step > 0 and ">" or "<", i, last, skip)
  end
  local left -- rounds that are left, where i does not meet the last value itself
  if rounds and step ~= 1 and step ~= -1 then -- the verifier does not know quotients
    left = c:mov(c:reg(), {imm = rounds - 1})
  elseif step ~= 1 and step ~= -1 then
    left = step > 0 and c:alu("-", last, i) or c:alu("-", i, last)
    c:change("//", left, {imm = math.abs(step)})
  end
  loop(self, node, rounds, {i, left}, function(done)
    node.var.reg = i
    if node.var.assigned > 0 then
      node.var.reg = c:mov(c:reg(), i)
    end
    self:block(node.body)
    if left then
      c:branch("==", left, {imm = 0}, done)
      c:change("-", left, {imm = 1})
    else
      c:branch("==", i, last, done)
    end
    c:change("+", i, {imm = step})
  end)
  c:place(skip)
end

return generator
