-- Loops as instructions, and what keeps the verifier from following their rounds: methods of the
-- generator.
--
-- In a loop by may_goto the verifier stops once it finds a state that an earlier one includes, and
-- compares what it knows of every register that is still needed. So a program must not let it
-- learn: it would follow constants from round to round, and in a round with many conditions each
-- way through them apart. A sum with a zero that the verifier does not know (a variable in .bss) is
-- unknown to it. `self.zero` is the register with that zero; `self.wary` says that there are many
-- conditions.
--
-- It also compares the stack, and before Linux 6.16 registers, that nobody reads any more. What
-- they hold differs from way to way. So where many ways come together all that is not needed
-- becomes that zero: "forget", which registers.lua writes out once it knows what that is.
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

-- What changes in a loop, as a list: registers, and variables that are there before it. By may_goto
-- the verifier must know pointers.
local function changing(kind, registers, vars)
  local list, seen = {}, {}
  for _, r in ipairs(registers) do
    list[#list + 1] = {reg = r}
  end
  for _, var in ipairs(vars) do
    local is_pointer = var.type.kind == "ptr"
    if not seen[var] and (not is_pointer or kind == "bpf_loop") then
      seen[var] = true
      list[#list + 1] = {reg = var.reg, is_pointer = is_pointer}
      list[#list + 1] = {reg = not is_pointer and var.flag or nil}
      list[#list + 1] = {slot = kind == "bpf_loop" and var.slot or nil, size = var.type.size}
    end
  end
  return list
end

local function hide_memory(self, slot, size)
  for at = 0, size - 1, 8 do
    local word = self.code:load(slot, at, 8)
    hide(self, word)
    self.code:store(slot, at, 8, word)
  end
end

local function hide_all(self, list)
  for _, item in ipairs(list) do
    if item.is_pointer and item.reg then
      self.code:as_number(item.reg)
    end
    hide(self, item.reg)
    if item.slot then
      hide_memory(self, item.slot, item.size)
    end
  end
end

--- Whether loops of the program are functions.
function generator:has_functions()
  return self.env.options.loops == "bpf_loop" and self.unit.has_loops
end

--- Hides what the verifier knows of a variable's string.
function generator:hide_string(var)
  if self:has_functions() then
    local zero = self.zero
    self.zero = zero or load_zero(self)
    hide_memory(self, var.slot, var.type.size)
    self.zero = zero
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

-- Calls F, in a loop with many conditions so that all ways through it come together.
function generator:joined(f)
  local c = self.code
  if not self.forgets then
    return f()
  end
  local from, to = c.top, c:peak_of(f)
  c:emit("forget", {s = self.zero, from = from, to = to, kept = {}})
end

-- Loops -------------------------------------------------------------------------------------------

-- How the end of a loop is guaranteed to the verifier: it walks a few rounds itself; or the kernel
-- counts them (may_goto, bpf_loop), or the program does.
local function guard(self, node, kind, counter)
  local c, rounds = self.code, self.env.options.rounds
  if kind == "bounded" then
    c:branch("==", counter, {imm = 0},
      self:problem(node, ("this loop ends after %d rounds"):format(rounds)))
    c:change("-", counter, {imm = 1})
  elseif kind == "may_goto" or kind == "bpf_loop" then
    c:emit(kind == "may_goto" and "may_goto" or "round", {
      label = self:problem(node, "this loop has gone on for too long")})
  end
end

-- Whether the verifier must know a variable that changes: as a pointer.
local function changes_pointers(vars)
  for _, var in ipairs(vars) do
    local t = var.type
    if t.kind == "ptr" and (t.known or t.space == "ctx" or t.space == "packet") then
      return true
    end
  end
  return false
end

-- How a loop ends. In a round of bpf_loop() Linux before 6.7 takes what it knows of the first one
-- for what is always so. What changes is hidden from it, which pointers that it must know cannot
-- be.
local function kind_of(self, node, rounds)
  local kind = self.env.options.loops
  if kind == "bpf_loop" and changes_pointers(node.assigned) then
    kind = "bounded"
  end
  if rounds and (kind == "bounded"
    or rounds <= WALKED_ROUNDS and not node.has_loops and not self.zero) then
    return "walked"
  end
  return kind
end

-- A loop whose body F generates; registers of its own that change are in `own`.
local function loop(self, node, rounds, own, f)
  local c, outer, zero, wary, fn = self.code, self.loop, self.zero, self.wary, self.code.fn
  local forgets = self.forgets
  local kind = kind_of(self, node, rounds)
  local is_function = kind == "bpf_loop"
  local top, hidden = c:label(), {}
  self.loop = {done = c:label()}
  local counter = kind == "bounded" and c:mov(c:reg(), {imm = self.env.options.rounds})
  if kind == "may_goto" or is_function then
    self.zero = self.zero or load_zero(self)
    self.wary = self.wary or node.conditions > FEW
    self.forgets = kind == "may_goto" and self.wary
    hidden = changing(kind, own, node.assigned)
  end
  c.depth = c.depth + 1
  if is_function then -- the verifier compares what a function finds
    hide_all(self, hidden)
    for _, r in ipairs(own) do
      c.kinds[r] = "int"
    end
    c.fn = {outer = fn, top = top, zero = self.zero}
  end
  c:place(top)
  if not is_function then
    hide_all(self, hidden)
  end
  local forget = self.forgets and c:emit("forget", {s = self.zero, from = c.top, kept = {}})
  guard(self, node, kind, counter)
  local peak = c:peak_of(function()
    f(self.loop.done)
  end)
  if forget then
    forget.to = peak
  end
  if is_function then
    hide_all(self, hidden)
  end
  c:jump(top)
  c.depth, c.fn = c.depth - 1, fn
  c:place(self.loop.done)
  self.loop, self.zero, self.wary, self.forgets = outer, zero, wary, forgets
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
