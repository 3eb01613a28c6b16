-- The types of a layout, which are written as BTF: C's own, those of other BTF that a layout names,
-- and what is built of them. A type has its `id`, and `size` and `align` in bytes.
local core = require "lbpf.core"

local types = {}
types.__index = types

local POINTER = 8 -- as BPF has them

-- By its words in the order of the alphabet: "int long unsigned". The last name is BTF's.
local basic = {}

local function add_basic(name, size, encoding, ...)
  for _, words in ipairs {...} do
    basic[words] = {name = name, size = size, encoding = encoding}
  end
end

add_basic("char", 1, "signed", "char")
add_basic("signed char", 1, "signed", "char signed")
add_basic("unsigned char", 1, nil, "char unsigned")
add_basic("short", 2, "signed", "short", "int short", "short signed", "int short signed")
add_basic("unsigned short", 2, nil, "short unsigned", "int short unsigned")
add_basic("int", 4, "signed", "int", "signed", "int signed")
add_basic("unsigned int", 4, nil, "unsigned", "int unsigned")
add_basic("long", 8, "signed", "long", "int long", "long signed", "int long signed")
add_basic("unsigned long", 8, nil, "long unsigned", "int long unsigned")
add_basic("long long", 8, "signed", "long long", "int long long", "long long signed",
  "int long long signed")
add_basic("unsigned long long", 8, nil, "long long unsigned", "int long long unsigned")
add_basic("__int128", 16, "signed", "__int128", "__int128 signed")
add_basic("unsigned __int128", 16, nil, "__int128 unsigned")
add_basic("_Bool", 1, "bool", "_Bool", "bool")
add_basic("float", 4, "float", "float")
add_basic("double", 8, "float", "double")

--- The words that C's own types are made of.
types.words = {}
for words in pairs(basic) do
  for word in words:gmatch "%S+" do
    types.words[word] = true
  end
end

-- Names that need no BTF, in the kernel's, the BPF headers' and C's spelling.
local typedefs = {size_t = "long unsigned", ssize_t = "long", uintptr_t = "long unsigned"}
for size, words in pairs {[8] = "char", [16] = "short", [32] = "int", [64] = "long long"} do
  local signed, unsigned = size == 8 and "char signed" or words, words .. " unsigned"
  typedefs["u" .. size], typedefs["__u" .. size] = unsigned, unsigned
  typedefs["uint" .. size .. "_t"] = unsigned
  typedefs["s" .. size], typedefs["__s" .. size] = signed, signed
  typedefs["int" .. size .. "_t"] = signed
  typedefs["__be" .. size], typedefs["__le" .. size] = unsigned, unsigned
end

--- @param base btf in which names are looked up, before the kernel's; or nil
function types.new(base)
  return setmetatable({
    btf = assert(core.btf_new_empty()), base = base, made = {}, imported = {}, pointer_type = nil,
    tags = {}, names = {}, enumerators = {},
  }, types)
end

-- Building --------------------------------------------------------------------------------------

--- One of C's own types, by its words in the order of the alphabet; nil if these are none.
function types:basic(words)
  local t = basic[words]
  if not t then
    return nil
  end
  if not self.made[t.name] then
    local id
    if t.encoding == "float" then
      id = self.btf:add_float(t.name, t.size)
    else
      id = self.btf:add_int(t.name, t.size, t.encoding)
    end
    self.made[t.name] = {id = assert(id), size = t.size, align = t.size,
      is_integer = t.encoding ~= "float", is_bool = t.encoding == "bool"}
  end
  return self.made[t.name]
end

--- Whatever it points to: a pointer is an address.
function types:pointer()
  self.pointer_type = self.pointer_type
    or {id = assert(self.btf:add_ptr(0)), size = POINTER, align = POINTER}
  return self.pointer_type
end

function types:array(of, n)
  local index = self:basic "int unsigned".id
  return {id = assert(self.btf:add_array(index, of.id, n)), size = of.size * n, align = of.align}
end

--- @param kind "struct" or "union"
--- @param name or nil
--- @param members each with `name`, `type`, `offset` in bits and, of a bit field, `bits`
function types:composite(kind, name, members, size, align)
  local id = assert(self.btf["add_" .. kind](self.btf, name, size))
  for _, m in ipairs(members) do
    if m.name or not m.bits then
      assert(self.btf:add_field(m.name, m.type.id, m.offset, m.bits))
    end
  end
  return {id = id, size = size, align = align}
end

-- BTF does not say of an enum that its values are not signed, unless another one in it is of the
-- newer kind: older compilers never say it, and then -16 and 0xfffffff0 cannot be told apart.
local function say_signs(self)
  self.says_signs = self.says_signs or assert(self.btf:add_enum64(nil, 8, false))
end

--- @param values each with `name` and `value`
function types:enum(name, values, size, is_signed)
  local wide = size == 8
  if not is_signed then
    say_signs(self)
  end
  local id = wide and self.btf:add_enum64(name, size, is_signed) or self.btf:add_enum(name, size)
  local add = wide and self.btf.add_enum64_value or self.btf.add_enum_value
  for _, v in ipairs(values) do
    assert(add(self.btf, v.name, v.value))
  end
  return {id = assert(id), size = size, align = size, is_integer = true, is_enum = true}
end

function types:typedef(name, of)
  local t = {}
  for k, v in pairs(of) do
    t[k] = v
  end
  t.id = assert(self.btf:add_typedef(name, of.id))
  return t
end

-- Other BTF -------------------------------------------------------------------------------------

-- The kernel's BTF, which takes a moment to read.
local kernel = setmetatable({}, {__mode = "v"})

-- Calls FN with the BTF that names are looked up in, until it returns something.
local function search(self, fn)
  local found = self.base and fn(self.base)
  if found ~= nil and found ~= false then
    return found
  end
  kernel.btf = kernel.btf or core.btf_load_vmlinux_btf()
  return kernel.btf and fn(kernel.btf) or nil
end

local import

-- The alignment that a structure must have had: BTF does not say it, nor that it is packed.
local function align_of(members, size)
  local align = 1
  for _, m in ipairs(members) do
    align = math.max(align, m.type.align)
    if not m.bits and m.offset % (8 * m.type.align) ~= 0 then
      return 1
    end
  end
  return size % align == 0 and align or 1
end

local importers = {}

function importers.int(self, _, t)
  local id = assert(self.btf:add_int(t.name, t.size, t.bool and "bool" or t.signed and "signed"
    or t.char and "char" or nil))
  return {id = id, size = t.size, align = t.size, is_integer = true, is_bool = t.bool}
end

function importers.float(self, _, t)
  return {id = assert(self.btf:add_float(t.name, t.size)), size = t.size, align = t.size}
end

function importers.ptr(self) return self:pointer() end

function importers.array(self, btf, t) return self:array(import(self, btf, t.type), t.nelems) end

function importers.struct(self, btf, t)
  local members = {}
  for i, m in ipairs(t.members) do
    members[i] = {name = m.name, type = import(self, btf, m.type), offset = m.offset,
      bits = m.bitfield_size}
  end
  return self:composite(t.kind, t.name, members, t.size, align_of(members, t.size))
end
importers.union = importers.struct

function importers.enum(self, _, t)
  return self:enum(t.name, t.values, t.size, t.signed)
end
importers.enum64 = importers.enum

function importers.typedef(self, btf, t) return self:typedef(t.name, import(self, btf, t.type)) end

local function import_target(self, btf, t) return import(self, btf, t.type) end
importers.const, importers.volatile, importers.restrict = import_target, import_target,
  import_target
importers.type_tag = import_target

-- The copy of a type of other BTF.
function import(self, btf, id)
  local known = self.imported[btf] or {}
  self.imported[btf] = known
  if not known[id] then
    local t = btf:type_by_id(id)
    local make = t and importers[t.kind]
    if not make then
      return {id = 0, size = 0, align = 1}
    end
    known[id] = make(self, btf, t)
  end
  return known[id]
end

-- Looks a name up in the other BTF. Types that differ under one name are an error.
-- @return the type, or nil; and what is wrong, if that is more than its absence
local function find(self, kind, name)
  local message
  return search(self, function(btf)
    local id = btf:find_by_name_kind(name, kind)
      or kind == "enum" and btf:find_by_name_kind(name, "enum64")
    if not id then
      return nil
    end
    local codec, problem = btf:codec(kind == "typedef" and name or kind .. " " .. name)
    if not codec and problem:find "there are %d+ types" then
      message = problem:gsub("^codec: ", "")
      return nil
    end
    return import(self, btf, id)
  end), message
end

--- A structure, union or enum by its tag.
function types:tagged(kind, tag)
  local key = kind .. " " .. tag
  local message
  if not self.tags[key] then
    self.tags[key], message = find(self, kind, tag)
  end
  return self.tags[key], message
end

--- A type that has a name of its own.
function types:named(name)
  local message
  if not self.names[name] and typedefs[name] then
    self.names[name] = self:typedef(name, self:basic(typedefs[name]))
  elseif not self.names[name] then
    self.names[name], message = find(self, "typedef", name)
  end
  return self.names[name], message
end

--- The value of an enumerator; nil if there is none.
function types:enumerator(name)
  return self.enumerators[name] or search(self, function(btf)
    local id = btf:find_enumerator(name)
    for _, v in ipairs(id and btf:type_by_id(id).values or {}) do
      if v.name == name then
        return tonumber(v.value)
      end
    end
  end)
end

return types
