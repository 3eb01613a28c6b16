-- Random structures in C: members of all kinds, bit fields, arrays, structures and unions in one
-- another, packed and aligned.
--
-- A structure is its declaration as `text`, and its `leaves`: what has one value, each with `c`,
-- its place in C; `path`, that in Lua; `kind`; and a `value` to assign, as C has it.
local generate = {}
generate.__index = generate

-- A generator of our own, so that a seed means the same with every Lua: Park and Miller's, whose
-- products a double holds exactly.
local MULTIPLIER, MODULUS = 16807, 2 ^ 31 - 1

-- From 1 to N.
function generate:random(n)
  self.state = self.state * MULTIPLIER % MODULUS
  return math.floor(self.state / 256) % n + 1
end

function generate:pick(list) return list[self:random(#list)] end

function generate:chance(percent) return self:random(100) <= percent end

function generate:name()
  self.names = self.names + 1
  return "m" .. self.names
end

local INTEGERS = {"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "unsigned char", "short",
  "int", "unsigned", "long", "unsigned long long"}

function generate:align()
  return self:pick {1, 2, 4, 8, 16}
end

-- Attributes of a member.
function generate:attributes()
  local list = {}
  if self:chance(8) then
    list[#list + 1] = "packed"
  end
  if self:chance(8) then
    list[#list + 1] = ("aligned(%d)"):format(self:align())
  end
  return list[1] and (" __attribute__((%s))"):format(table.concat(list, ", ")) or ""
end

local scalars = {}

function scalars.integer(self)
  return self:pick(INTEGERS), "integer"
end

function scalars.char() return "char", "integer" end

function scalars.bool(self) return self:pick {"bool", "_Bool"}, "bool" end

function scalars.float() return "float", "float" end

function scalars.double() return "double", "float" end

function scalars.pointer(self)
  return self:pick {"void *", "const struct nothing *", "u64 *"}, "integer"
end

function scalars.wide(self) return self:pick {"__int128", "unsigned __int128"}, "wide" end

function scalars.enum(self)
  local name = self.prefix .. "_" .. self:name()
  local values = self:pick {"%s_A, %s_B = 5", "%s_A = -3, %s_B = 7", "%s_A = 1, %s_B = 0xfffffff0",
    "%s_A = 1, %s_B = 1ULL << 40", "%s_A = -1, %s_B = 0x80000000"}
  local packed = self:chance(25) and " __attribute__((packed))" or ""
  self.before[#self.before + 1] = ("enum %s { %s }%s;"):format(name, values:gsub("%%s", name),
    packed)
  return "enum " .. name, "enum"
end

local SCALARS = {"integer", "integer", "integer", "integer", "char", "bool", "float", "double",
  "pointer", "wide", "enum", "enum"}

function generate:scalar()
  return scalars[self:pick(SCALARS)](self)
end

function generate:leaf(at, kind)
  self.leaves[#self.leaves + 1] = {c = at.c, path = at.path, kind = kind, bits = at.bits,
    value = self:random(2) == 1 and 1 or 0}
end

-- The places of an array's elements.
local function each_element(at, n, fn)
  for i = 1, n do
    fn {c = ("%s[%d]"):format(at.c, i - 1), path = ("%s[%d]"):format(at.path, i)}
  end
end

function generate:elements(at, lengths, i, fn)
  if not lengths[i] then
    return fn(at)
  end
  each_element(at, lengths[i], function(element)
    self:elements(element, lengths, i + 1, fn)
  end)
end

local members = {}

function members.scalar(self, name, at)
  local type, kind = self:scalar()
  self:leaf(at, kind)
  return ("%s %s%s;"):format(type, name, self:attributes())
end

function members.array(self, name, at)
  local type, kind = self:scalar()
  local lengths = {self:random(3)}
  lengths[2] = self:chance(30) and self:random(2) or nil
  if type == "char" then
    kind = "string"
  end
  local of = kind == "string" and table.remove(lengths) or nil
  self:elements(at, lengths, 1, function(element) self:leaf(element, kind) end)
  lengths[#lengths + 1] = of
  return ("%s %s[%s]%s;"):format(type, name, table.concat(lengths, "]["), self:attributes())
end

function members.string(self, name, at)
  self:leaf(at, "string")
  return ("char %s[%d]%s;"):format(name, self:random(20), self:attributes())
end

local WIDTHS = {u8 = 8, u16 = 16, u32 = 32, s32 = 32, u64 = 64, s64 = 64, int = 32, bool = 1}
local BIT_TYPES = {"u8", "u16", "u32", "s32", "u64", "s64", "int", "bool"}

-- Bit fields, some without a name. For one that is aligned less than its type GCC and clang do not
-- agree on the place.
function members.bits(self, name, at)
  local type = self:pick(BIT_TYPES)
  local lines = {}
  if self:chance(15) then
    lines[1] = ("%s : %d;"):format(type, self:random(3) == 1 and 0 or self:random(WIDTHS[type]))
  end
  local width = self:random(WIDTHS[type])
  at.bits = width
  self:leaf(at, type == "bool" and "bool" or "integer")
  lines[#lines + 1] = ("%s %s : %d%s;"):format(type, name, width, self:chance(6)
    and " __attribute__((packed))" or self:chance(4)
    and (" __attribute__((aligned(%d)))"):format(self:pick {8, 16}) or "")
  return table.concat(lines, " ")
end

function members.nested(self, name, at, depth)
  if depth == 0 then
    return members.scalar(self, name, at)
  end
  local head = self:pick {"struct", "struct", "union"}
  local anonymous = self:chance(35)
  local n = anonymous and 0 or self:chance(30) and self:random(2) or 0
  local function body(within) return self:body(depth - 1, within) end
  if anonymous then
    return ("%s {\n%s\n}%s;"):format(head, body {c = at.within_c, path = at.within_path},
      self:composite_attributes())
  end
  local first, text = {#self.leaves, self.names}, nil
  local function once(element)
    text = body {c = element.c .. ".", path = element.path .. "."}
  end
  if n == 0 then
    once(at)
    return ("%s {\n%s\n}%s %s;"):format(head, text, self:composite_attributes(), name)
  end
  -- the members of each element are those of the first
  each_element(at, 1, once)
  local of_first = {}
  for i = first[1] + 1, #self.leaves do
    of_first[#of_first + 1] = self.leaves[i]
  end
  for i = 2, n do
    for _, leaf in ipairs(of_first) do
      self.leaves[#self.leaves + 1] = {kind = leaf.kind, bits = leaf.bits, value = leaf.value,
        c = ("%s[%d]%s"):format(at.c, i - 1, leaf.c:sub(#at.c + 4)),
        path = ("%s[%d]%s"):format(at.path, i, leaf.path:sub(#at.path + 4))}
    end
  end
  return ("%s {\n%s\n}%s %s[%d];"):format(head, text, self:composite_attributes(), name, n)
end

function generate:composite_attributes()
  local list = {}
  if self:chance(20) then
    list[#list + 1] = "packed"
  end
  if self:chance(10) then
    list[#list + 1] = ("aligned(%d)"):format(self:align())
  end
  return list[1] and (" __attribute__((%s))"):format(table.concat(list, ", ")) or ""
end

local MEMBERS = {"scalar", "scalar", "scalar", "array", "string", "bits", "bits", "bits", "nested"}

function generate:body(depth, within)
  local lines = {}
  for _ = 1, self:random(5) do
    local name = self:name()
    lines[#lines + 1] = members[self:pick(MEMBERS)](self, name, {c = within.c .. name,
      path = within.path .. name, within_c = within.c, within_path = within.path}, depth)
  end
  return table.concat(lines, "\n")
end

-- An array without a length at the end, of which there are some elements.
function generate:flexible()
  local name, n = self:name(), self:random(4)
  local type, kind = self:pick {"u8", "u16", "u32", "u64", "char"}, "integer"
  local at = {c = "v->" .. name, path = name}
  self.tail = {name = name, n = n}
  if type == "char" then
    self:leaf(at, "tail")
  else
    each_element(at, n, function(element) self:leaf(element, kind) end)
  end
  return ("\n%s %s[];"):format(type, name)
end

--- A structure with this name, the same for the same seed.
function generate.struct(seed, name)
  local self = setmetatable({state = seed % (MODULUS - 1) + 1, names = 0, leaves = {},
    before = {}, prefix = name}, generate)
  for _ = 1, 3 do
    self:random(2)
  end
  local kind = self:chance(12) and "union" or "struct"
  local body = self:body(2, {c = "v->", path = ""})
  if kind == "struct" and self:chance(20) then
    body = body .. self:flexible()
  end
  self.before[#self.before + 1] = ("%s %s {\n%s\n}%s;"):format(kind, name, body,
    self:composite_attributes())
  return {name = kind .. " " .. name, text = table.concat(self.before, "\n"), leaves = self.leaves,
    tail = self.tail}
end

return generate
