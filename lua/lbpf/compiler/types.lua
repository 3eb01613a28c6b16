-- The type of each expression: `type` of its node. Statements are in statement_types.lua.
--
-- A variable's type is that of all its assignments, and one may come later in a loop; the types of
-- a map's keys and values come from all programs. So the programs are walked until nothing changes.
local T = require "lbpf.compiler.type"
local int64 = require "lbpf.compiler.int64"
local narrowing = require "lbpf.compiler.narrowing"
local near = require "lbpf.compiler.near"
local fail = require("lbpf.compiler.source").fail_at

local MOST_ROUNDS = 50
local MOST_JOINED = 512 -- bytes of a joined string, with its end

local types = {}
types.__index = types

-- Calls F while these variables are known not to be nil.
function types:knowing(vars, f)
  local added = {}
  for _, var in ipairs(vars) do
    if not self.facts[var] then
      self.facts[var], added[#added + 1] = true, var
    end
  end
  f()
  for _, var in ipairs(added) do
    self.facts[var] = nil
  end
end

-- Checks that builtins use, too ------------------------------------------------------------------

--- A whole number, a pointer to be taken as one included; nil and false are found when it runs.
function types:number(node)
  local t = self:expression(node)
  if t.kind ~= "int" and t.kind ~= "unknown" then
    fail(node, "a number is needed here, not %s%s", T.describe(t),
      t.kind == "ptr" and "; addr(p) is its address" or "")
  end
  return t
end

--- A constant number of the source.
function types:constant(node, what)
  self:expression(node)
  if node.tag ~= "number" or type(node.value) ~= "number" then
    fail(node, "%s must be a constant number", what)
  end
  return node.value
end

function types:string(node)
  local t = self:expression(node)
  if t.kind ~= "str" and t.kind ~= "unknown" then
    fail(node, "a string is needed here, not %s%s", T.describe(t), t.kind == "ptr"
      and "; str(p) reads one" or t.kind == "int" and "; print several values" or "")
  end
  return t
end

function types:pointer(node)
  local t = self:expression(node)
  if t.kind ~= "ptr" and t.kind ~= "int" and t.kind ~= "place" and t.kind ~= "unknown" then
    fail(node, "a pointer is needed here, not %s", T.describe(t))
  end
  return t
end

--- What can be kept: printed, stored in a variable, a map or an event. A structure becomes the
-- pointer to it.
function types:value(node)
  local t = self:expression(node)
  if t.kind == "void" then
    fail(node, "this call returns nothing")
  elseif t.kind == "place" then
    if self.kernel:resolve(t.to).kind == "array" then
      fail(node, "a whole array; take an element of it: [0]")
    end
    return T.pointer(t.to, t.space, t.known)
  elseif t.absent == "false" then
    fail(node, "this is false or %s; finish it with 'or'", T.describe(T.present(t)))
  end
  return t
end

-- Variables and maps ----------------------------------------------------------------------------

-- Widens the type in field WHICH of the table HAS by one more.
function types:widen(has, which, t, node, what)
  local old = has[which] or T.unknown
  local joined = T.join(old, t)
  if not joined then
    fail(node, "%s is %s elsewhere, and %s here", what, T.describe(old), T.describe(t))
  end
  if not T.equal(old, joined) then
    has[which] = joined
    self.changed = node
  end
end

function types:assign_var(var, t, node)
  self:widen(var, "type", t, node, "'" .. var.name .. "'")
end

--- The keys of a map, at one of its uses.
function types:keys(map, nodes, node)
  map.keys = map.keys or {}
  if map.key_count and map.key_count ~= #nodes then
    fail(node, "'%s' has %d keys elsewhere, and %d here", map.name, map.key_count, #nodes)
  end
  map.key_count = #nodes
  for i, key in ipairs(nodes) do
    local t = self:value(key)
    if t.kind == "nil" then
      fail(key, "nil is no key")
    end
    self:widen(map.keys, i, T.present(t), key, ("key %d of '%s'"):format(i, map.name))
  end
end

-- Expressions -----------------------------------------------------------------------------------

local expression = {}

function types:expression(node)
  local t = expression[node.tag](self, node)
  node.type = t
  return t
end

function expression.number(_, node)
  local n = node.value
  if type(n) == "number" then
    return n >= 0 and T.natural or T.int
  end
  return n.hi < 2147483648 and T.natural or T.int
end

function expression.string(_, node)
  if node.value:find("\0", 1, true) then
    fail(node, "a string of a program ends at its first '\\0'")
  end
  return T.str(#node.value + 1)
end

expression["nil"] = function() return T.none end
expression["true"] = function() return T.bool end
expression["false"] = expression["true"]

function expression.name(self, node)
  local ref = node.ref
  if ref.kind == "local" then
    local t = ref.var.type or T.unknown
    return self.facts[ref.var] and T.present(t) or t
  elseif ref.kind == "map" then
    if ref.map.kind ~= "hash" or ref.map.key_count and ref.map.key_count > 0 then
      fail(node, "'%s' is a map; take one of its values: %s[key]", node.name, node.name)
    end
    self:keys(ref.map, {}, node)
    return T.optional(ref.map.value or T.unknown, "nil")
  elseif ref.kind == "builtin" then
    local def = ref.def
    if def.call or not def.type then
      fail(node, "'%s' is a function; call it: %s(...)", node.name, node.name)
    end
    return def.type(self, node)
  end
  fail(node, "'%s' is a %s, which is no value here", node.name, ref.kind)
end

--- The arguments of the probe by name, or nil: they are a structure.
function types:argument(node)
  local base = node.base
  if base.tag ~= "name" or not base.ref or base.ref.def ~= self.builtins.args
    or self.probe.context then
    return nil
  end
  local arguments = self.probe.arguments
  local arg = arguments[node.name]
  if not arg then
    local list = {}
    for name in pairs(arguments) do
      list[#list + 1] = name
    end
    fail(node, "%s has no argument '%s'%s", self.probe.section, node.name,
      #list == 0 and "; " .. (self.probe.no_arguments or "it has none")
      or near.hint(node.name, list))
  elseif arg.settle then
    arg.settle()
    arg.settle = nil
  end
  if not arg.type then
    fail(node, "'%s' is of a type that a program cannot read: %s", node.name, arg.why
      or "it is too large")
  end
  node.argument = arg
  return arg.type
end

function expression.field(self, node)
  local t = self:argument(node)
  if t then
    return t
  end
  t = self:expression(node.base)
  if t.kind == "unknown" then
    return t
  elseif t.kind ~= "ptr" and t.kind ~= "place" then
    fail(node, "'%s' of %s, which has no fields", node.name, T.describe(t))
  end
  local kernel = self.kernel
  local struct = kernel:complete(kernel:resolve(t.to))
  local way = kernel:member(struct, node.name)
  if not way then
    fail(node, "%s has no field '%s'%s", kernel:describe(struct.id or 0), node.name,
      near.hint(node.name, kernel:member_names(struct)))
  end
  node.way = way
  local member = way[#way].member
  local type_of_member = T.of_btf(kernel, member.type, t.space, t.known)
  if not type_of_member then
    fail(node, "'%s' is of a type that a program cannot read: %s", node.name,
      kernel:describe(member.type))
  end
  return type_of_member
end

-- p[i] and array[i]
function types:element(node, t)
  local kernel = self.kernel
  if #node.keys ~= 1 then
    fail(node, "an array has one index")
  end
  self:number(node.keys[1])
  local of = kernel:resolve(t.to)
  node.of = t.to
  if t.kind == "place" then
    if of.kind ~= "array" then
      fail(node, "%s has fields, and no [index]", kernel:describe(t.to))
    end
    node.of, node.count = of.type, of.nelems
    local n = node.keys[1].tag == "number" and node.keys[1].value
    if n and of.nelems > 0 and (type(n) == "table" or n < 0 or n >= of.nelems) then
      fail(node.keys[1], "this array's elements are 0 to %d", of.nelems - 1)
    end
  end
  local element = T.of_btf(kernel, node.of, t.space, t.known)
  if not element or kernel:size(node.of) == 0 then
    fail(node, "elements of this type cannot be read: %s", kernel:describe(node.of))
  end
  return element
end

function expression.index(self, node)
  local ref = node.base.ref
  if ref and ref.kind == "map" then
    if ref.map.kind ~= "hash" then
      fail(node, "'%s' is a %s elsewhere; programs cannot read it", ref.map.name, ref.map.kind)
    end
    self:keys(ref.map, node.keys, node)
    node.map = ref.map
    return T.optional(ref.map.value or T.unknown, "nil")
  end
  local t = self:expression(node.base)
  if t.kind == "unknown" then
    self:number(node.keys[1])
    return t
  elseif t.kind ~= "ptr" and t.kind ~= "place" then
    fail(node, "[index] of %s; maps are global: no local of that name", T.describe(t))
  end
  return self:element(node, t)
end

-- The value of a constant that is the same in all kernels.
local function fixed(node)
  return node.tag == "number" and not node.reloc and node.value or nil
end

function expression.unary(self, node)
  if node.op == "not" then
    self:condition(node.operand)
    return T.bool
  end
  if node.op == "#" then
    self:string(node.operand)
    return T.natural
  end
  self:number(node.operand)
  local value = fixed(node.operand)
  if value and node.op == "-" then
    node.tag, node.value = "number", int64.negate(value)
    return expression.number(self, node)
  end
  return T.int
end

local comparison = {["=="] = true, ["~="] = true, ["<"] = true, ["<="] = true, [">"] = true,
  [">="] = true}

-- Whether the result of an operator is known not to be negative.
local function is_natural(op, l, r, right)
  if op == "&" then
    return l.natural or r.natural
  elseif op == "%" then
    return r.natural
  elseif op == "//" or op == "|" or op == "~" then
    return l.natural and r.natural
  elseif op == ">>" then
    local n = fixed(right)
    return n and type(n) == "number" and (n > 0 or n == 0 and l.natural)
  end
  return false
end

function types:arithmetic(node)
  local l, r = self:number(node.left), self:number(node.right)
  local a, b = fixed(node.left), fixed(node.right)
  local folded = a and b and int64.fold(node.op, a, b)
  if folded then
    node.tag, node.value = "number", folded
    return expression.number(self, node)
  elseif b == 0 and (node.op == "//" or node.op == "%") then
    fail(node, "division by zero")
  end
  return is_natural(node.op, l, r, node.right) and T.natural or T.int
end

-- Also a variable that conditions before have shown not to be nil.
local function can_be_nil(node)
  local t = node.ref and node.ref.kind == "local" and node.ref.var.type or node.type
  return t.absent or t.kind == "ptr" or t.kind == "nil" or t.kind == "unknown"
end

function types:compare(node)
  local l, r = self:expression(node.left), self:expression(node.right)
  if l.kind == "unknown" or r.kind == "unknown" then
    return T.bool
  elseif node.op == "==" or node.op == "~=" then
    if l.kind == "nil" or r.kind == "nil" then
      local other = l.kind == "nil" and node.right or node.left
      if not can_be_nil(other) then
        fail(other, "%s is never nil", T.describe(other.type))
      end
    elseif l.kind ~= r.kind or l.kind == "place" or l.kind == "void" then
      fail(node, "%s cannot be compared with %s", T.describe(l), T.describe(r))
    end
  else
    if l.kind == "str" and r.kind == "str" then
      return T.bool
    end
    self:number(node.left)
    self:number(node.right)
  end
  return T.bool
end

-- `a and b`, `a or b`: what can be nil or false decides what comes out.
function types:logic(node)
  local is_and = node.op == "and"
  local l, r
  if not is_and and node.left.tag == "binary" and node.left.op == "and" then
    node.left.chooses = true
  end
  if node.chooses then -- c and a or b: of c only its truth is of interest
    self:condition(node.left)
    l = T.bool
  else
    l = self:expression(node.left)
  end
  self:knowing(narrowing.implied(node.left, is_and), function()
    r = self:expression(node.right)
  end)
  if l.kind == "unknown" or r.kind == "unknown" then
    return is_and and l.kind == "unknown" and r or l
  elseif l.kind == "bool" and r.kind == "bool" and not l.absent and not r.absent then
    return T.bool
  elseif is_and and l.kind == "nil" then
    return l
  elseif is_and and not l.absent and (l.kind == "int" or l.kind == "str") then
    return r -- always true
  elseif is_and and l.kind == "bool" and not l.absent and r.kind ~= "nil" and r.kind ~= "bool"
    and not r.absent then
    return T.optional(r, "false")
  elseif is_and and (l.absent == "nil" and l.kind ~= "bool" or l.kind == "ptr") then
    local joined = T.join(T.none, r)
    if joined then
      return joined
    end
  elseif not is_and and (l.kind == "nil" or l.tag == "false") then
    return r
  elseif not is_and and not l.absent and (l.kind == "int" or l.kind == "str") then
    return l
  elseif not is_and and (l.absent or l.kind == "ptr") then
    local joined = T.join(T.present(l), r)
    if joined then
      return joined
    end
  end
  return nil, l, r
end

-- Without a type until both have one.
function types:concatenation(node)
  local l, r = self:string(node.left), self:string(node.right)
  if l.kind == "unknown" or r.kind == "unknown" then
    return T.unknown
  end
  local bound = l.bound + r.bound - 1
  if bound > MOST_JOINED then
    fail(node, "this string may have %d bytes, and a joined string has at most %d; give str() a"
      .. " smaller bound", bound - 1, MOST_JOINED - 1)
  end
  return T.str(bound)
end

function expression.binary(self, node)
  if comparison[node.op] then
    return self:compare(node)
  elseif node.op == "and" or node.op == "or" then
    local t, l, r = self:logic(node)
    if not t then
      fail(node, "this is %s or %s, and a program's value has one type; use if", T.describe(l),
        T.describe(r))
    end
    return t
  elseif node.op == ".." then
    return self:concatenation(node)
  end
  return self:arithmetic(node)
end

--- A condition: of any type.
function types:condition(node)
  if node.tag == "binary" and (node.op == "and" or node.op == "or") then
    self:condition(node.left)
    self:knowing(narrowing.implied(node.left, node.op == "and"), function()
      self:condition(node.right)
    end)
    node.type = T.bool
    return
  elseif node.tag == "unary" and node.op == "not" then
    self:condition(node.operand)
    node.type = T.bool
    return
  end
  if self:expression(node).kind == "void" then
    fail(node, "this call returns nothing")
  end
end

function expression.table(_, node)
  fail(node, "a program has no tables; emit(\"name\", {a = x}) has fields, map[{a, b}] two keys")
end

function expression.call(self, node)
  local def = node.fn.ref.def
  if not def.call then
    fail(node, "'%s' is no function; write it without ()", node.fn.name)
  end
  local least, most = def.call[1], def.call[2]
  if #node.args < least or #node.args > most then
    fail(node, "'%s' takes %s, and gets %d: %s", node.fn.name,
      least == most and ("%d argument%s"):format(least, least == 1 and "" or "s")
      or ("%d to %d arguments"):format(least, most), #node.args, def.usage or node.fn.name
        .. "(...)")
  end
  return def.type(self, node)
end

function expression.inline(self, node)
  for i, var in ipairs(node.params) do
    self:assign_var(var, self:value(node.args[i]), node.args[i])
  end
  self:block(node.body)
  if not narrowing.always_returns(node.body) and node.result.type then
    self:assign_var(node.result, T.none, node)
  end
  return node.result.type or T.void
end

--- Types all programs.
-- @param units each has `fn` and `probe`
-- @param env `kernel`, `builtins`, and what built-ins ask for
function types.infer(units, env)
  local round = 0
  repeat
    local changed
    for _, unit in ipairs(units) do
      local self = setmetatable({
        kernel = unit.probe.kernel or env.kernel, builtins = env.builtins, probe = unit.probe,
          env = env,
        facts = {},
      }, types)
      self:block(unit.fn.body)
      changed = changed or self.changed
    end
    round = round + 1
    if changed and round == MOST_ROUNDS then
      fail(changed, "this string grows, and a program's strings have a bound")
    end
  until not changed
end

return types
