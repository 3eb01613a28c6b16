-- Statements and conditions as instructions; values are in values.lua, memory in memory.lua.
local assembler = require "lbpf.compiler.assembler"
local code = require "lbpf.compiler.code"
local flow = require "lbpf.compiler.flow"
local registers = require "lbpf.compiler.registers"
local fail = require("lbpf.compiler.source").fail_at

local generator = {}
generator.__index = generator

local LOOKUP = 1 -- bpf_map_lookup_elem
local STACK = 512
local WALKED_ROUNDS = 16 -- of an innermost loop that the verifier may walk

-- Problems: what the program cannot do, counted where the user sees it ----------------------------

-- Adds one to the counter of a problem, and continues at `done`.
local function count(self, index, done)
  local c = self.code
  c:scoped(function()
    local key = c:slot(8)
    c:store(key, 0, 4, index)
    local counter = c:call(LOOKUP, {map = self.env.problems.map}, {slot = key})
    c:branch("==", counter, {imm = 0}, done)
    c:store(counter, 0, 8, c:change("+", c:load(counter, 0, 8), {imm = 1}))
  end)
  c:jump(done)
end

--- The label to jump to where Lua would raise an error. The program ends there.
function generator:problem(node, message)
  local index = self.env.problems:add(node, message)
  local cleanup = self.cleanup
  local key = index .. (cleanup and "/" .. cleanup.label or "")
  if not self.problem_labels[key] then
    local c = self.code
    local label = c:label()
    self.problem_labels[key] = label
    self.failed = self.failed or {label = c:label(), index = c:reg()}
    c:cold(function()
      c:place(label)
      c:mov(self.failed.index, {imm = index})
      c:jump(cleanup and cleanup.label or self.failed.label)
    end)
  end
  return self.problem_labels[key]
end

--- The label to jump to where something is lost. The program continues at `back`.
function generator:lost(node, message, back)
  local index, c = self.env.problems:add(node, message), self.code
  local label = c:label()
  c:cold(function()
    c:place(label)
    count(self, {imm = index}, back)
  end)
  return label
end

--- Calls F. Where the program ends early in it, UNDO comes first.
function generator:guarded(f, undo)
  local c, outer = self.code, self.cleanup
  local cleanup = {label = c:label()}
  self.cleanup = cleanup
  f()
  self.cleanup = outer
  c:cold(function()
    c:place(cleanup.label)
    undo()
    self.failed = self.failed or {label = c:label(), index = c:reg()}
    c:jump(outer and outer.label or self.failed.label)
  end)
end

-- Conditions --------------------------------------------------------------------------------------

--- Jumps to the label if the flag says that there is no value.
function generator:branch_absent(flag, label)
  if type(flag) == "table" then
    if flag.imm == 0 then
      self.code:jump(label)
    end
  elseif flag then
    self.code:branch("==", flag, {imm = 0}, label)
  end
end

-- Jumps if the value is there and true (or not: SENSE).
local function branch_value(self, node, sense, label)
  local c = self.code
  local operand, flag = self:optional(node)
  local can_be_false = node.type.kind == "bool" or node.type.kind == "ptr"
  if node.type.kind == "nil" then
    flag = {imm = 0}
  end
  local past = sense and c:label() or label
  self:branch_absent(flag, past)
  if can_be_false and type(operand) == "table" and operand.imm == 0 then
    c:jump(past)
  elseif can_be_false and type(operand) == "number" then
    c:branch("==", operand, {imm = 0}, past)
  end
  if sense then
    c:jump(label)
    c:place(past)
  end
end

--- Jumps to the label if the node is true (or false: SENSE); else continues.
function generator:cond(node, sense, label)
  local c, op = self.code, node.op
  if node.tag == "unary" and op == "not" then
    self:cond(node.operand, not sense, label)
  elseif node.tag == "binary" and (op == "and" or op == "or") then
    if (op == "or") == sense then
      self:cond(node.left, sense, label)
      self:cond(node.right, sense, label)
    else
      local past = c:label()
      self:cond(node.left, not sense, past)
      self:cond(node.right, sense, label)
      c:place(past)
    end
  elseif node.tag == "binary" and self.is_comparison[op] then
    self:compare(node, sense, label)
  else
    branch_value(self, node, sense, label)
  end
end

-- Variables ---------------------------------------------------------------------------------------

function generator:declare(var)
  local t, c = var.type, self.code
  if t.kind == "str" then
    var.slot = c:slot(t.size)
  else
    var.reg = c:reg()
  end
  var.flag = t.absent and c:reg() or nil
end

-- The flag as 0 or 1: in a loop the verifier cannot compare a pointer with the absence of another.
local function normalize(self, flag)
  local c = self.code
  if type(flag) == "table" or not flag then
    return flag or {imm = 1}
  end
  local d, done = c:mov(c:reg(), {imm = 0}), c:label()
  c:branch("==", flag, {imm = 0}, done)
  c:mov(d, {imm = 1})
  c:place(done)
  return d
end

--- var = node
function generator:set(var, node)
  local c = self.code
  if var.type.kind == "nil" or node.type.kind == "nil" then
    self:optional(node)
    if var.reg then
      c:mov(var.reg, {imm = 0})
    end
    return var.flag and c:mov(var.flag, {imm = 0})
  elseif var.slot then
    local flag = self:string_into(node, var.slot, 0, var.type.size, true)
    return var.flag and c:mov(var.flag, normalize(self, flag))
  end
  local operand, flag = self:optional(node)
  if var.flag then
    c:mov(var.flag, var.assigned > 0 and normalize(self, flag) or flag or {imm = 1})
  end
  c:mov(var.reg, operand)
end

-- Statements --------------------------------------------------------------------------------------

local statement = {}

-- A value of several, computed before anything is assigned.
local function compute(self, value)
  local c = self.code
  if value.type.kind == "str" then
    local slot = c:slot(value.type.size)
    return {tag = "computed", type = value.type, slot = slot,
      flag = self:string_into(value, slot, 0, value.type.size, true)}
  end
  local operand, flag = self:optional(value)
  return {tag = "computed", type = value.type, operand = c:mov(c:reg(), operand),
    flag = type(flag) == "number" and c:mov(c:reg(), flag) or flag}
end

statement["local"] = function(self, node)
  local values = {}
  for i, value in ipairs(node.values) do
    values[i] = #node.values > 1 and compute(self, value) or value
  end
  for i, var in ipairs(node.vars) do
    self:declare(var)
    self:set(var, values[i] or {tag = "nil", type = {kind = "nil"}})
  end
end

-- In Lua's order: keys, values, and then the assignments from the last to the first.
function statement.assign(self, node)
  self.code:scoped(function()
    local keys, values = {}, {}
    for i, target in ipairs(node.targets) do
      keys[i] = target.map and self:key(target.map, target.keys or {})
    end
    for i, value in ipairs(node.values) do
      values[i] = #node.values > 1 and compute(self, value) or value
    end
    for i = #node.targets, 1, -1 do
      local target = node.targets[i]
      if not target.map then
        self:set(target.ref.var, values[i])
      elseif values[i].type.kind == "nil" then
        self:delete(target.map, keys[i])
      else
        self:update(target, keys[i], values[i])
      end
    end
  end)
end

function statement.call(self, node)
  self.code:scoped(function()
    self:optional(node)
  end)
end

function statement.inline(self, node)
  self:optional(node)
end

statement["do"] = function(self, node)
  self:block(node.body)
end

statement["if"] = function(self, node)
  local c = self.code
  local done = c:label()
  for i, arm in ipairs(node.arms) do
    local otherwise = c:label()
    c:scoped(function()
      self:cond(arm.cond, false, otherwise)
    end)
    self:block(arm.body)
    if node.otherwise or node.arms[i + 1] then
      c:jump(done)
    end
    c:place(otherwise)
  end
  if node.otherwise then
    self:block(node.otherwise)
  end
  c:place(done)
end

-- A zero that the verifier does not know to be zero. A sum with it is unknown to the verifier, so
-- it finds the second round of a loop in the same state as the first, and stops.
local function hidden_zero(self)
  self.env.zero.used = true
  return self.code:load(self.code:in_reg {map = self.env.zero.name}, 0, 8)
end

local function hide(self, zero, vars)
  local seen = {}
  for _, var in ipairs(vars) do
    if not seen[var] and var.type.kind ~= "ptr" then
      seen[var] = true
      for _, r in pairs {var.reg or false, var.flag or false} do
        if r then
          self.code:change("+", r, zero)
        end
      end
    end
  end
end

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
  local c, outer = self.code, self.loop
  local kind = self.env.options.loops
  if rounds and (kind == "bounded" or rounds <= WALKED_ROUNDS and not node.has_loops) then
    kind = "walked"
  end
  local top = c:label()
  self.loop = {done = c:label()}
  local counter = kind == "bounded" and c:mov(c:reg(), {imm = self.env.options.rounds})
  local zero = kind == "may_goto" and hidden_zero(self)
  c.depth = c.depth + 1
  c:place(top)
  if zero then
    for _, r in ipairs(changing) do
      c:change("+", r, zero)
    end
    hide(self, zero, node.assigned)
  end
  guard(self, node, kind, counter)
  f(self.loop.done)
  c:jump(top)
  c.depth = c.depth - 1
  c:place(self.loop.done)
  self.loop = outer
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

statement["break"] = function(self)
  self.code:jump(self.loop.done)
end

statement["return"] = function(self, node)
  local value, c = node.values[1], self.code
  local call = node.inlined
  if call then
    if call.result.type then
      self:set(call.result, value or {tag = "nil", type = {kind = "nil"}})
    end
    c:jump(call.done)
  elseif value and value.type.kind ~= "nil" then
    c:exit(self:value(value))
  else
    c:jump(self.ending)
  end
end

statement["function"] = function() end

--- Statements in the current scope.
function generator:statements(body)
  local c = self.code
  for _, node in ipairs(body) do
    local outer = c.node
    c.node = node
    statement[node.tag](self, node)
    c.node = outer
  end
end

function generator:block(body)
  self.code:scoped(function()
    self:statements(body)
  end)
end

--- The context of the program, where it is needed.
function generator:context()
  return self.ctx
end

--- Compiles a program whose nodes have types.
-- @param unit `fn` and `probe`
-- @param env `problems`, `options`, and what built-ins want
-- @return the assembler's result
function generator.generate(unit, env)
  local c = code.new()
  local self = setmetatable({
    code = c, env = env, unit = unit, probe = unit.probe, kernel = unit.probe.kernel or env.kernel,
    problem_labels = {}, ending = c:label(),
  }, generator)
  c.node = unit.fn
  self.ctx = c:mov(c:reg(), 1)
  self:block(unit.fn.body)
  c:place(self.ending)
  c:exit({imm = unit.probe.default or 0})
  c:cold(function()
    if self.failed then
      c:place(self.failed.label)
      count(self, self.failed.index, self.ending)
    end
  end)
  local list = flow.drop_unused(flow.clean(c:finish()))
  list = flow.clean(registers.allocate(list, c))
  if c.most > STACK then
    fail(unit.fn, "this program needs %d bytes of the stack, which has %d: strings in variables and"
      .. " keys take theirs; give str() a smaller bound, or print them at once", c.most, STACK)
  end
  local result, length = assembler.assemble(list)
  if not result then
    fail(unit.fn, "this program has %d instructions, too many for a jump", length)
  end
  return result
end

generator.is_comparison = {["=="] = true, ["~="] = true, ["<"] = true, ["<="] = true, [">"] = true,
  [">="] = true}

return generator
