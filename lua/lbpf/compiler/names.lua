-- What each name means: `ref` of a name node.
--
--   {kind = "local", var}, {kind = "builtin", name, def}, {kind = "map", map},
--   {kind = "function", fn, scope}, {kind = "table", value}, {kind = "arguments"}
--
-- Constants replace their names. A call of one of the program's own functions becomes a node
-- "inline" with the function's body: params (variables), args, body, result (a variable).
local int64 = require "lbpf.compiler.int64"
local near = require "lbpf.compiler.near"
local script = require "lbpf.compiler.script"
local source = require "lbpf.compiler.source"

local fail = source.fail_at
local MOST_NODES = 200000 -- of all functions where they are called

local names = {}
names.__index = names

local function copy(node)
  if type(node) ~= "table" or getmetatable(node) == source then
    return node
  end
  local new = {}
  for k, v in pairs(node) do
    new[k] = copy(v)
  end
  return new
end

-- Scopes ---------------------------------------------------------------------------------------

local function new_scope(parent)
  return {parent = parent, names = {}, upvalues = parent and parent.upvalues}
end

local function find(scope, name)
  while scope do
    if scope.names[name] then
      return scope.names[name]
    end
    scope = scope.parent
  end
end

local function declare(scope, name, node)
  local var = {name = name, node = node, assigned = 0}
  scope.names[name] = {kind = "local", var = var}
  return var
end

-- A value of the running Lua replaces the name.
local function to_constant(node, value)
  local kind = type(value)
  if kind == "string" then
    node.tag, node.value = "string", value
  elseif kind == "boolean" or kind == "nil" then
    node.tag = tostring(value)
  else
    node.value = int64.from_lua(value)
    if not node.value then
      fail(node, "'%s' is %s, which is no whole number of 64 bits", node.name, tostring(value))
    end
    node.tag = "number"
  end
end

-- The reference of an upvalue of a real function, or true if it was a constant.
function names:upvalue(node, scope)
  local name = node.name
  if not scope.upvalues or not scope.upvalues[name] then
    return nil
  end
  local value = scope.upvalues[name].value
  local kind = type(value)
  if kind == "table" then
    return {kind = "table", value = value}
  elseif kind == "function" then
    if self.builtins[name] and debug.getinfo(value, "S").what == "C" then
      return nil
    end
    local fn, upvalues = script.of_function(value, node)
    local outer = new_scope()
    outer.upvalues = upvalues
    return {kind = "function", fn = fn, scope = outer, key = value}
  elseif kind == "userdata" or kind == "thread" then
    fail(node, "'%s' is a %s; a program can use the script's numbers, strings, booleans and"
      .. " functions", name, kind)
  end
  to_constant(node, value)
  return true
end

function names:known(scope)
  local list = {}
  while scope do
    for name in pairs(scope.names) do
      list[#list + 1] = name
    end
    scope = scope.parent
  end
  for name in pairs(self.builtins) do
    list[#list + 1] = name
  end
  for _, name in ipairs(self.maps:names()) do
    list[#list + 1] = name
  end
  return list
end

-- Expressions ----------------------------------------------------------------------------------

local visit = {}

function names:expression(node, scope)
  self.count = self.count + 1
  if self.count > MOST_NODES then
    fail(node, "the program is too large: its functions call each other too often")
  end
  local f = visit[node.tag]
  if f then
    f(self, node, scope)
  end
end

function names:list(nodes, scope)
  for _, node in ipairs(nodes) do
    self:expression(node, scope)
  end
end

-- Unknown names are no error here: they have no reference.
function names:look_up(node, scope)
  if not node.ref then
    local ref = find(scope, node.name) or self:upvalue(node, scope)
    if ref == true then
      return
    elseif not ref and self.builtins[node.name] then
      ref = {kind = "builtin", name = node.name, def = self.builtins[node.name]}
    end
    node.ref = ref
  end
end

function visit.name(self, node, scope)
  self:look_up(node, scope)
  if node.tag == "name" and not node.ref then
    local value, reloc = self.constants(node.name)
    if value ~= nil then
      to_constant(node, value)
      node.reloc = reloc
    else
      table.insert(self.pending, {node = node, scope = scope})
    end
  end
end

-- A field of one of the script's tables is a constant; the name of a built-in may contain a dot.
function visit.field(self, node, scope)
  local base = node.base
  if base.tag == "name" then
    self:look_up(base, scope)
    local dotted = not (base.ref and base.ref.kind == "local") and base.name .. "." .. node.name
    if base.ref and base.ref.kind == "table" then
      local value = base.ref.value[node.name]
      if type(value) ~= "table" then
        return to_constant(node, value)
      end
      node.ref = {kind = "table", value = value}
      return
    elseif dotted and self.builtins[dotted] then
      node.tag, node.name = "name", dotted
      node.ref = {kind = "builtin", name = dotted, def = self.builtins[dotted]}
      return
    end
  elseif base.tag == "field" then
    visit.field(self, base, scope)
    if base.ref and base.ref.kind == "table" then
      local value = base.ref.value[node.name]
      node.ref = type(value) == "table" and {kind = "table", value = value} or nil
      return type(value) ~= "table" and to_constant(node, value)
    end
    return
  end
  self:expression(base, scope)
end

-- A global name with [keys] is a map.
function visit.index(self, node, scope)
  if node.base.tag == "name" then
    self:look_up(node.base, scope)
    if node.base.tag == "name" and not node.base.ref then
      node.base.ref = {kind = "map", map = self.maps:variable(node.base.name, node.base)}
    end
  else
    self:expression(node.base, scope)
  end
  if node.key.tag == "table" and node.base.ref and node.base.ref.kind == "map" then
    node.keys = {}
    for i, item in ipairs(node.key.items) do
      if item.name then
        fail(item.value, "keys have no names: %s[{a, b}]", node.base.name)
      end
      node.keys[i] = item.value
    end
    if #node.keys == 0 then
      fail(node.key, "there is no key in this")
    end
  else
    node.keys = {node.key}
  end
  self:list(node.keys, scope)
end

function visit.unary(self, node, scope)
  self:expression(node.operand, scope)
end

local conditional = {["and"] = true, ["or"] = true, ["=="] = true, ["~="] = true, ["<"] = true,
  ["<="] = true, [">"] = true, [">="] = true, ["//"] = true, ["%"] = true, ["<<"] = true,
  [">>"] = true}

-- Counts what may become a condition, in the loops around.
function names:conditional()
  for _, loop in ipairs(self.loops) do
    loop.conditions = loop.conditions + 1
  end
end

function visit.binary(self, node, scope)
  if conditional[node.op] then
    self:conditional()
  end
  self:expression(node.left, scope)
  self:expression(node.right, scope)
end

function visit.table(self, node, scope)
  for _, item in ipairs(node.items) do
    self:expression(item.value, scope)
  end
end

visit["function"] = function(_, node)
  fail(node, "a function is no value here; give it a name: 'local function f'")
end

function names:inline(node, ref)
  local fn = ref.fn
  for _, key in ipairs(self.calling) do
    if key == (ref.key or fn) then
      fail(node, "'%s' calls itself, which a BPF program cannot; use a loop", node.fn.name)
    end
  end
  if #node.args > #fn.params then
    fail(node, "'%s' has %d parameters, and is called with %d", node.fn.name, #fn.params,
      #node.args)
  end
  local inner = new_scope(ref.scope)
  node.tag, node.params, node.result = "inline", {}, {name = "result", node = node, assigned = 0}
  for i, name in ipairs(fn.params) do
    node.params[i] = declare(inner, name, node)
    node.args[i] = node.args[i] or {tag = "nil", source = node.source, at = node.at}
  end
  table.insert(self.calling, ref.key or fn)
  local outer = self.inlined
  self.inlined = node
  node.body = copy(fn.body)
  self:block(node.body, inner, true)
  self.inlined = outer
  table.remove(self.calling)
end

function visit.call(self, node, scope)
  self:conditional()
  local fn = node.fn
  if fn.tag == "field" then
    visit.field(self, fn, scope)
  elseif fn.tag == "name" then
    self:look_up(fn, scope)
  end
  if fn.tag ~= "name" or fn.ref and fn.ref.kind ~= "builtin" and fn.ref.kind ~= "function" then
    fail(node, "only functions can be called, by their names")
  end
  self:list(node.args, scope)
  if not fn.ref then
    local def = self.helper(fn.name)
    if not def then
      fail(fn, "there is no function '%s'%s", fn.name, near.hint(fn.name, self:known(scope)))
    end
    fn.ref = {kind = "builtin", name = fn.name, def = def}
  end
  if fn.ref.kind == "function" then
    self:inline(node, fn.ref)
  end
end

-- Statements -----------------------------------------------------------------------------------

visit["local"] = function(self, node, scope)
  self:list(node.values, scope)
  node.vars = {}
  for i, name in ipairs(node.names) do
    node.vars[i] = declare(scope, name, node)
  end
end

function visit.assign(self, node, scope)
  self:list(node.values, scope)
  for _, target in ipairs(node.targets) do
    if target.tag == "name" then
      self:look_up(target, scope)
      local ref = target.ref
      if target.tag ~= "name" or ref and ref.kind ~= "local" then
        fail(target, "'%s' cannot be assigned to; only the program's own variables and maps can",
          target.name)
      elseif ref then
        ref.var.assigned = ref.var.assigned + 1
        for _, loop in ipairs(self.loops) do
          table.insert(loop.assigned, ref.var)
        end
      else
        target.ref = {kind = "map", map = self.maps:variable(target.name, target)}
      end
    else
      self:expression(target, scope)
      if not target.base.ref or target.base.ref.kind ~= "map" then
        fail(target, "only maps can be assigned to: name[key] = value")
      end
    end
  end
end

visit["do"] = function(self, node, scope)
  self:block(node.body, new_scope(scope))
end

visit["while"] = function(self, node, scope)
  self:loop(node, new_scope(scope), function()
    self:expression(node.cond, scope)
  end)
end

visit["repeat"] = function(self, node, scope)
  local inner = new_scope(scope)
  self:loop(node, inner, function()
    self:expression(node.cond, inner)
  end)
end

visit["if"] = function(self, node, scope)
  for _, arm in ipairs(node.arms) do
    self:conditional()
    self:expression(arm.cond, scope)
    self:block(arm.body, new_scope(scope))
  end
  if node.otherwise then
    self:block(node.otherwise, new_scope(scope))
  end
end

visit["for"] = function(self, node, scope)
  self:list({node.first, node.last, node.step}, scope)
  local inner = new_scope(scope)
  node.var = declare(inner, node.name, node)
  self:loop(node, inner)
end

visit["return"] = function(self, node, scope)
  self:list(node.values, scope)
  if #node.values > 1 then
    fail(node, "a function of a program returns one value")
  end
  node.inlined = self.inlined
end

visit["break"] = function(self, node)
  if not self.in_loop then
    fail(node, "break outside of a loop")
  end
end

-- `assigned` of a loop: the variables that change in it; `has_loops`: there are others in it;
-- `conditions`: how many.
function names:loop(node, scope, condition)
  local outer = self.in_loop
  self.in_loop, node.assigned, node.conditions = node, {}, 0
  self.unit.has_loops = true
  for _, around in ipairs(self.loops) do
    around.has_loops = true
  end
  table.insert(self.loops, node)
  self:block(node.body, scope)
  if condition then
    condition()
  end
  table.remove(self.loops)
  self.in_loop = outer
end

function names:block(body, scope, is_function)
  local outer = self.in_loop
  if is_function then
    self.in_loop = nil
  end
  for _, node in ipairs(body) do
    if node.tag == "function" then
      scope.names[node.name] = {kind = "function", fn = node, scope = scope}
    else
      self:expression(node, scope)
    end
  end
  self.in_loop = outer
end

--- Resolves all names of a program.
-- @param unit has `fn`, a function node, and `upvalues` of a real function: {value} by name
-- @param env `builtins`; `maps`, a registry; `constants`, a function from a name to a number or
-- nil;
-- `helper`, a function from a name to a built-in or nil
-- @return a function that settles the names which other programs may define
function names.resolve(unit, env)
  local self = setmetatable({
    unit = unit, builtins = env.builtins, maps = env.maps, constants = env.constants,
    helper = env.helper,
    pending = {}, calling = {unit.fn}, loops = {}, count = 0,
  }, names)
  local scope = new_scope()
  scope.upvalues = unit.upvalues
  for i, name in ipairs(unit.fn.params) do
    if i > 1 then
      fail(unit.fn, "a program has one parameter, the probe's arguments")
    end
    scope.names[name] = {kind = "builtin", name = name, def = env.builtins.args}
  end
  self:block(unit.fn.body, new_scope(scope), true)
  return function()
    for _, item in ipairs(self.pending) do
      local name = item.node.name
      local map = self.maps:find(name)
      if not map then
        fail(item.node, "nothing is called '%s'%s", name, near.hint(name, self:known(item.scope)))
      end
      item.node.ref = {kind = "map", map = map}
    end
  end
end

return names
