-- The types of what statements assign: methods of the type phase.
local T = require "lbpf.compiler.type"
local narrowing = require "lbpf.compiler.narrowing"
local types = require "lbpf.compiler.types"
local fail = require("lbpf.compiler.source").fail_at

local statement = {}

statement["local"] = function(self, node)
  local values = {}
  for i, value in ipairs(node.values) do
    values[i] = self:value(value)
    if i > #node.vars then
      fail(value, "there is no variable for this value")
    end
  end
  for i, var in ipairs(node.vars) do
    self:assign_var(var, values[i] or T.none, node.values[i] or node)
  end
end

function statement.assign(self, node)
  if #node.targets ~= #node.values then
    fail(node, "%d variables, and %d values", #node.targets, #node.values)
  end
  for i, target in ipairs(node.targets) do
    local t, ref = self:value(node.values[i]), target.ref
    if ref and ref.kind == "local" then
      self:assign_var(ref.var, t, node.values[i])
      target.type = ref.var.type
    else
      local map = ref and ref.map or target.base.ref.map
      if map.kind ~= "hash" then
        fail(target, "'%s' is a %s elsewhere", map.name, map.kind)
      end
      target.map = map
      self:keys(map, target.keys or {}, target)
      if t.kind ~= "nil" then
        self:widen(map, "value", T.present(t), node.values[i], "'" .. map.name .. "'")
      end
    end
  end
end

function statement.call(self, node)
  self:expression(node)
end

function statement.inline(self, node)
  self:expression(node)
end

statement["do"] = function(self, node)
  self:block(node.body)
end

statement["while"] = function(self, node)
  self:condition(node.cond)
  self:knowing(narrowing.implied(node.cond, true), function()
    self:block(node.body)
  end)
end

statement["repeat"] = function(self, node)
  self:block(node.body)
  self:condition(node.cond)
end

statement["for"] = function(self, node)
  local first = self:number(node.first)
  self:number(node.last)
  local step = node.step and self:constant(node.step, "the step of a loop") or 1
  if step == 0 then
    fail(node.step, "the step of a loop is zero")
  end
  self:assign_var(node.var, step > 0 and first.natural and T.natural or T.int, node)
  self:block(node.body)
end

-- In a later arm, the conditions of the earlier ones are false.
statement["if"] = function(self, node, i)
  i = i or 1
  local arm = node.arms[i]
  if not arm then
    return node.otherwise and self:block(node.otherwise)
  end
  self:condition(arm.cond)
  self:knowing(narrowing.implied(arm.cond, true), function()
    self:block(arm.body)
  end)
  self:knowing(narrowing.implied(arm.cond, false), function()
    statement["if"](self, node, i + 1)
  end)
end

statement["return"] = function(self, node)
  local value = node.values[1]
  local t = value and self:value(value)
  if node.inlined then
    if t or node.inlined.result.type then
      self:assign_var(node.inlined.result, t or T.none, node)
    end
  elseif t and t.kind ~= "int" and t.kind ~= "bool" and t.kind ~= "nil" and t.kind ~= "unknown" then
    fail(value, "a program returns a number, not %s", T.describe(t))
  end
end

statement["break"] = function() end
statement["function"] = function() end

function types:block(body, i)
  i = i or 1
  while body[i] do
    statement[body[i].tag](self, body[i])
    local facts = narrowing.after(body[i])
    i = i + 1
    if #facts > 0 then
      return self:knowing(facts, function()
        self:block(body, i)
      end)
    end
  end
end
