-- C's declarations of structures, unions, enums, typedefs and variables.
local constant = require "lbpf.layout.constant"
local core = require "lbpf.core"
local lexer = require "lbpf.layout.lexer"
local place = require "lbpf.layout.place"
local types = require "lbpf.layout.types"

local LARGEST = 2 ^ 28 -- bytes: BTF counts bits

local parser = {}
parser.__index = parser

-- Tokens ----------------------------------------------------------------------------------------

function parser:fail(at, ...) return self.src:fail(at, ...) end

function parser:peek(ahead) return self.tokens[math.min(self.at + (ahead or 0), #self.tokens)] end

function parser:take()
  local token = self:peek()
  self.at = self.at + 1
  return token
end

-- Takes the next token if it is that symbol or word.
function parser:skip(what)
  local token = self:peek()
  if token.value == what and token.kind ~= "string" then
    return self:take()
  end
end

function parser:expect(what)
  local token = self:peek()
  return self:skip(what) or self:fail(token.at, "expected '%s', got '%s'", what,
    type(token.value) == "table" and token.value.big or token.value)
end

-- Attributes ------------------------------------------------------------------------------------

-- What changes no layout.
local harmless = {}
for name in ("unused used preserve_access_index btf_type_tag btf_decl_tag may_alias deprecated "
  .. "designated_init visibility nonstring counted_by"):gmatch "%S+" do
  harmless[name] = true
end

-- The alignment in parentheses; without these the largest that the machine has any use for.
local function alignment(p)
  if not p:skip "(" then
    return 16
  end
  local at = p:peek().at
  local n = constant.natural(p, 2 ^ 16, "the alignment")
  local power = n
  while power > 1 do
    power = power / 2
  end
  if power ~= 1 then
    p:fail(at, "the alignment must be a power of 2")
  end
  p:expect ")"
  return n
end

local function skip_parentheses(p)
  local open = p:expect "("
  local depth = 1
  while depth > 0 do
    local token = p:take()
    if token.kind == "eof" then
      p:fail(open.at, "this is not closed")
    end
    depth = depth + (token.kind == "(" and 1 or token.kind == ")" and -1 or 0)
  end
end

local function attribute(p, into)
  local token = p:take()
  local name = token.kind == "name" and token.value:gsub("^__(.-)__$", "%1")
  if name == "packed" then
    into.packed = true
  elseif name == "aligned" then
    into.aligned = math.max(into.aligned or 1, alignment(p))
  elseif not harmless[name] then
    p:fail(token.at, "the attribute '%s' is not known here", token.value)
  elseif p:peek().kind == "(" then
    skip_parentheses(p)
  end
end

-- Adds the attributes that follow, if any, to INTO: `packed`, `aligned`.
local function attributes(p, into)
  while true do
    if p:skip "__attribute__" then
      p:expect "("
      p:expect "("
      while not p:skip ")" do
        if not p:skip "," then
          attribute(p, into)
        end
      end
      p:expect ")"
    elseif p:skip "__packed" then
      into.packed = true
    elseif p:peek().value == "_Alignas" or p:peek().value == "__aligned" then
      p:take()
      into.aligned = math.max(into.aligned or 1, alignment(p))
    else
      return into
    end
  end
end

-- Enums -----------------------------------------------------------------------------------------

-- What an enum's size depends on.
local function note_range(range, value)
  local n = type(value) == "table" and tonumber(value.big) or value
  range.least = math.min(range.least, n)
  range.most = math.max(range.most, n)
end

local function enum_size(range, is_packed)
  local is_signed = range.least < 0
  for _, size in ipairs(is_packed and {1, 2, 4} or {4}) do
    local half = 2 ^ (8 * size - 1)
    if range.most < (is_signed and half or 2 * half) and range.least >= -half then
      return size, is_signed
    end
  end
  return 8, is_signed
end

-- What comes after a value.
local function successor(p, at, value)
  if type(value) == "table" then
    p:fail(at, "give this enumerator its value: that before it is too large to count on")
  end
  return value + 1
end

-- An integer as the functions that write BTF take it.
local function exact(value)
  if type(value) == "table" then
    return value.big
  elseif value >= 2 ^ 53 or value <= -2 ^ 53 then
    return (value < 0 and "-" or "") .. ("0x%x%08x"):format(math.floor(math.abs(value) / 2 ^ 32),
      math.abs(value) % 2 ^ 32)
  end
  return value
end

local function enum_body(p, tag, attrs)
  local values, range, value = {}, {least = 0, most = 0}, -1
  p:expect "{"
  while not p:skip "}" do
    local name = p:take()
    if name.kind ~= "name" then
      p:fail(name.at, "expected a name, got '%s'", name.value)
    end
    value = p:skip "=" and constant.parse(p) or successor(p, name.at, value)
    note_range(range, value)
    p.types.enumerators[name.value] = value
    values[#values + 1] = {name = name.value, value = exact(value)}
    if p:peek().kind ~= "}" then
      p:expect ","
    end
  end
  attributes(p, attrs)
  return p.types:enum(tag, values, enum_size(range, attrs.packed))
end

-- Structures ------------------------------------------------------------------------------------

-- Raises unless values have the type.
local function complete(p, t, at)
  if t.missing then
    p:fail(at, "%s", t.missing())
  elseif t.is_function or t.is_void then
    p:fail(at, "there are no values of this type")
  end
  return t
end

local function check_bit_field(p, at, m)
  if not m.type.is_integer then
    p:fail(at, "a bit field must be of an integer type")
  elseif m.bits > (m.type.is_bool and 1 or m.type.size * 8) then
    p:fail(at, "the bit field is wider than its type")
  elseif m.bits == 0 and m.name then
    p:fail(at, "a bit field of 0 bits has no name")
  end
end

-- One of the members that a declaration declares.
local function member(p, base, attrs, names)
  local at = p:peek().at
  local m = {packed = attrs.packed, aligned = attrs.aligned, type = base}
  if p:peek().kind ~= ":" then
    m.name, m.type = p:declarator(base)
  end
  if p:skip ":" then
    m.bits = constant.natural(p, 128, "the width of a bit field")
  end
  attributes(p, m)
  complete(p, m.type, at)
  if m.bits then
    check_bit_field(p, at, m)
  elseif not m.name then
    p:fail(at, "this member has no name")
  end
  if m.name and names[m.name] then
    p:fail(at, "there are two members '%s'", m.name)
  end
  names[m.name or ""] = true
  return m
end

-- What follows "struct", its tag and "{".
local function members(p, names)
  local list = {}
  while not p:skip "}" do
    local attrs = {}
    local at = p:peek().at
    local base = p:specifiers(attrs)
    if p:skip ";" then
      if not base.is_anonymous then
        p:fail(at, "this declares no member")
      end
      for name in pairs(base.member_names) do
        names[name] = true
      end
      list[#list + 1] = {type = base, packed = attrs.packed, aligned = attrs.aligned}
    else
      repeat
        list[#list + 1] = member(p, base, attrs, names)
      until not p:skip ","
      p:expect ";"
    end
  end
  return list
end

local function composite_body(p, kind, tag, attrs)
  local at, names = p:expect "{".at, {}
  local list = members(p, names)
  attributes(p, attrs)
  local size, align = place.members(list, attrs, kind == "union")
  if size > LARGEST then
    p:fail(at, "a type has %d bytes at most", LARGEST)
  end
  local t = p.types:composite(kind, tag, list, size, align)
  t.member_names, t.is_anonymous = names, not tag
  return t
end

-- The message for a type that is nowhere.
local function missing(p, what, problem)
  return function()
    if problem then
      return problem
    end
    local known = {}
    for tag in pairs(p.types.tags) do
      known[#known + 1] = tag
    end
    for name in pairs(p.types.names) do
      known[#known + 1] = name
    end
    return ("there is no type '%s', neither in the layout nor in the object's or the kernel's BTF; "
      .. "the layout has: %s"):format(what, core.nearest(what, known))
  end
end

local function tagged(p, kind)
  local attrs = attributes(p, {})
  local tag = p:peek().kind == "name" and p:take().value or nil
  local at = p:peek().at
  attributes(p, attrs)
  if p:peek().kind == "{" then
    local t
    if kind == "enum" then
      t = enum_body(p, tag, attrs)
    else
      t = composite_body(p, kind, tag, attrs)
    end
    if tag then
      p.types.tags[kind .. " " .. tag] = t
    end
    return t
  elseif not tag then
    p:fail(at, "expected a name or '{', got '%s'", p:peek().value)
  end
  if p:peek().kind == "*" or p:peek().kind == ";" then -- its values are not needed
    return p.types.tags[kind .. " " .. tag] or {missing = missing(p, kind .. " " .. tag)}
  end
  local t, problem = p.types:tagged(kind, tag)
  return t or {missing = missing(p, kind .. " " .. tag, problem)}
end

-- Declarations ----------------------------------------------------------------------------------

local qualifiers = {const = true, volatile = true, restrict = true, __restrict = true,
  extern = true, static = true, __user = true, __kernel = true, __rcu = true, __percpu = true}
local kinds = {struct = true, union = true, enum = true}

local function name_of_words(words)
  table.sort(words)
  return table.concat(words, " ")
end

--- What a declaration begins with: its type, and attributes, which are added to ATTRS.
function parser:specifiers(attrs)
  local words, t = {}, nil
  local first = self:peek()
  while true do
    attributes(self, attrs)
    local token = self:peek()
    if token.kind ~= "name" then
      break
    elseif qualifiers[token.value] then
      self:take()
    elseif kinds[token.value] and not t and #words == 0 then
      t = tagged(self, self:take().value)
    elseif token.value == "void" and not t and #words == 0 then
      self:take()
      t = {is_void = true}
    elseif types.words[token.value] and not t then
      words[#words + 1] = self:take().value
    elseif not t and #words == 0 then
      local problem
      t, problem = self.types:named(self:take().value)
      t = t or {missing = missing(self, token.value, problem)}
    else
      break
    end
  end
  if #words > 0 then
    local name = table.concat(words, " ")
    t = self.types:basic(name_of_words(words)) or self:fail(first.at, "no type '%s'", name)
  end
  return t or self:fail(first.at, "expected a type, got '%s'", first.value)
end

-- The lengths in brackets; the first may be left out.
local function lengths(p)
  local list = {}
  while p:skip "[" do
    local at = p:peek().at
    if p:skip "]" then
      if #list > 0 then
        p:fail(at, "only the first length may be left out")
      end
      list[1] = 0
    else
      list[#list + 1] = constant.natural(p, 2 ^ 31, "the length of an array")
      p:expect "]"
    end
  end
  return list
end

-- What comes after a declarator's name makes a type of that of the whole.
local function suffix(p)
  local at = p:peek().at
  if p:peek().kind == "(" then
    skip_parentheses(p)
    return function() return {is_function = true} end
  end
  local list = lengths(p)
  return function(t)
    for i = #list, 1, -1 do
      if complete(p, t, at).size * list[i] > LARGEST then
        p:fail(at, "a type has %d bytes at most", LARGEST)
      end
      t = p.types:array(t, list[i])
    end
    return t
  end
end

local function take_pointers(p)
  local n = 0
  while p:skip "*" do
    n = n + 1
    while qualifiers[p:peek().value] do
      p:take()
    end
  end
  return n
end

-- The name, which may be absent, and the function that makes its type.
local function declarator(p, is_abstract)
  local pointers = take_pointers(p)
  local name, inner
  if p:peek().kind == "(" then
    p:take()
    name, inner = declarator(p, is_abstract)
    p:expect ")"
  elseif p:peek().kind == "name" then
    name = p:take().value
  elseif not is_abstract then
    p:fail(p:peek().at, "expected a name, got '%s'", p:peek().value)
  end
  local outer = suffix(p)
  return name, function(t)
    t = outer(pointers > 0 and p.types:pointer() or t)
    return inner and inner(t) or t
  end
end

--- A declarator: its name, and its type with that of the declaration.
function parser:declarator(base)
  local name, make = declarator(self)
  return name, make(base)
end

--- A type without a name, as sizeof has it.
function parser:type_name()
  local at = self:peek().at
  local base = self:specifiers({})
  local _, make = declarator(self, true)
  return complete(self, make(base), at)
end

--- The value of the enumerator or constant of a token.
function parser:enumerator(token)
  return self.types:enumerator(token.value) or self:fail(token.at,
    "there is no constant '%s'; the layout may have: enum { %s = 16 };", token.value, token.value)
end

-- A typedef may change the alignment, up or down.
local function declare_typedef(p, base, attrs)
  local at = p:peek().at
  local name, t = p:declarator(base)
  attributes(p, attrs)
  t = p.types:typedef(name, complete(p, t, at))
  t.align = attrs.aligned or t.align
  p.types.names[name] = t
  return t
end

-- One declaration; returns its type. Those of functions, which headers have, say nothing.
local function declaration(p)
  local is_typedef, attrs = p:skip "typedef", {}
  local at = p:peek().at
  local base = p:specifiers(attrs)
  local t = base
  if p:peek().kind ~= ";" and p:peek().kind ~= "eof" then
    repeat
      if is_typedef then
        t = declare_typedef(p, base, attrs)
      else
        t = select(2, p:declarator(base))
        attributes(p, {})
        if not t.is_function then
          complete(p, t, at)
        end
      end
    until not p:skip ","
  end
  if p:peek().kind ~= "eof" then
    p:expect ";"
  end
  return t
end

--- Reads all declarations of a source.
-- @param src
-- @param known the types that it adds to
-- @return the last one that it declares that is no enum, unless there are only enums; or nil
function parser.parse(src, known)
  local p = setmetatable({src = src, tokens = lexer.tokens(src), at = 1, types = known}, parser)
  local last
  while p:peek().kind ~= "eof" do
    if not p:skip ";" then
      local t = declaration(p)
      if t.id and (not t.is_enum or not last or last.is_enum) then
        last = t
      end
    end
  end
  return last
end

return parser
