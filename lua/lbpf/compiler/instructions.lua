-- Statements and conditions as instructions; values are in values.lua, memory in memory.lua.
local assembler = require "lbpf.compiler.assembler"
local code = require "lbpf.compiler.code"
local flow = require "lbpf.compiler.flow"
local outline = require "lbpf.compiler.outline"
local registers = require "lbpf.compiler.registers"
local tails = require "lbpf.compiler.tails"
local fail = require("lbpf.compiler.source").fail_at

local generator = {}
generator.__index = generator

local LOOKUP = 1 -- bpf_map_lookup_elem
local STACK, LEAST_FRAME = 512, 32 -- bytes: of all frames, and what each takes
local MOST_FRAMES = 8

-- Problems: what the program cannot do, counted where the user sees it ----------------------------

-- Adds one to the counter of a problem, and continues at `done`.
local function count(self, index, done)
  local c = self.code
  c:scoped(function()
    self.counter_key = self.counter_key or c:lasting_slot(8)
    local key = self.counter_key
    c:store(key, 0, 8, index)
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
    end, cleanup and cleanup.fn or c.main)
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
  local cleanup = {label = c:label(), fn = c.fn}
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
  elseif node.type.kind == "bool" and type(operand) == "number" then
    self:test("==", operand, {imm = 0}, past)
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
    c.kinds[var.reg] = t.kind == "ptr" and (t.known or t.space == "packet" or t.space == "ctx")
      and "known" or t.kind
  end
  -- a null pointer is nil, so it needs no flag
  var.flag = t.absent and (t.kind == "ptr" and var.reg or c:reg()) or nil
  if var.flag and var.flag ~= var.reg then
    c.kinds[var.flag] = self:has_functions() and "bool" or nil
  end
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
    if var.slot and self:has_functions() then
      self:clear(var.slot, 0, var.type.size)
    end
    if var.reg then
      c:mov(var.reg, {imm = 0})
    end
    return var.flag and c:mov(var.flag, {imm = 0})
  elseif var.slot then
    local flag = self:string_into(node, var.slot, 0, var.type.size, true)
    self:hide_string(var)
    return var.flag and c:mov(var.flag, normalize(self, flag))
  end
  local operand, flag = self:optional(node)
  c:mov(var.reg, operand)
  if var.type.kind == "ptr" then
    return
  elseif var.flag then
    local as_number = var.assigned > 0 or self.wary or self:has_functions()
    c:mov(var.flag, as_number and normalize(self, flag) or flag or {imm = 1})
    self:hide(var.flag)
  end
  self:hide(var.reg)
end

-- Statements --------------------------------------------------------------------------------------

local statement = {} -- by tag; loops.lua has more
generator.statement = statement

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

local function branches(self, node)
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

statement["if"] = function(self, node)
  self:joined(function()
    branches(self, node)
  end)
end

statement["break"] = function(self)
  self.code:jump(self.loop.done)
end

-- Ends the program with a value, also from a loop with a function of its own.
local function exit(self, operand)
  local c = self.code
  if c.fn == c.main then
    return c:exit(operand)
  end
  local result, label = c:mov(c:reg(), operand), c:label()
  c:jump(label)
  c:cold(function()
    c:place(label)
    c:exit(result)
  end, c.main)
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
    exit(self, self:value(value))
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

-- Allocates the registers of a function: the program, or a loop's.
local function allocate(list, c, colors)
  list = registers.allocate(flow.drop_unused(flow.clean(list)), c, colors)
  return flow.clean(tails.merge(flow.clean(list), c))
end

local function assemble(self, list)
  local result, length = assembler.assemble(list)
  if not result then
    fail(self.unit.fn, "this program has %d instructions, too many for a jump", length)
  end
  return result
end

-- The verifier rounds frames up, where there are several.
local function frame_size(bytes)
  return math.max(1, math.ceil(bytes / LEAST_FRAME)) * LEAST_FRAME
end

-- A program needs the bytes of all frames that can be there at once.
local function check_stack(self, used, nested)
  if used > STACK then
    fail(self.unit.fn, "this program needs %d bytes of the stack, which has %d: strings in"
      .. " variables and keys take theirs; give str() a smaller bound, or print them at once", used,
      STACK)
  elseif nested >= MOST_FRAMES then
    fail(self.unit.fn, "%d loops are in one another, and %d can be", nested, MOST_FRAMES - 1)
  end
end

-- The program's code, with its `functions`.
local function machine_code(self)
  local c, functions, nested = self.code, {}, 0
  local list, fns = outline.functions(c:finish(), c)
  list = allocate(list, c)
  c.main.depth, c.main.stack = 0, c.most
  local used = c.most
  for i, fn in ipairs(fns) do
    c.most = 0 -- what does not fit into registers is in the function's own frame
    functions[i] = assemble(self, allocate(outline.rebase(fn.list), c, outline.COLORS))
    functions[i].func = fn
    fn.depth = fn.outer.depth + 1
    fn.stack = frame_size(fn.outer.stack) + frame_size(c.most)
    used, nested = math.max(used, fn.stack), math.max(nested, fn.depth)
  end
  check_stack(self, used, nested)
  local result = assemble(self, list)
  result.functions = functions
  return result
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
  return machine_code(self)
end

generator.is_comparison = {["=="] = true, ["~="] = true, ["<"] = true, ["<="] = true, [">"] = true,
  [">="] = true}

return generator
