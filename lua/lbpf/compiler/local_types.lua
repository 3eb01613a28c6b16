-- The object's own copies of the kernel's types. A structure has only the members that programs
-- read; relocations need no more to find them in another kernel.
local local_types = {}
local_types.__index = local_types

--- @param types btf that is written
-- @param basic ids of "u32", "char" and so on, by a function from a BTF int
function local_types.new(types)
  return setmetatable({types = types, used = {}, made = {}, ints = {}, pointer = nil}, local_types)
end

-- The place in a copy of each member or enumerator that is used, in their order.
local function use(self, key, index)
  self.used[key] = self.used[key] or {members = {}, order = {}}
  local used = self.used[key]
  if not used.members[index] then
    used.members[index] = true
    table.insert(used.order, index)
    table.sort(used.order)
  end
end

local function place(self, key, index)
  for i, each in ipairs(self.used[key].order) do
    if each == index then
      return ("%d"):format(i - 1)
    end
  end
end

--- Records what a relocation is of; all of them, before the first copy is made.
function local_types:use(reloc)
  if reloc.enum then
    return use(self, reloc.kernel:key(reloc.enum), reloc.index)
  end
  for _, step in ipairs(reloc.steps) do
    if step.owner then
      use(self, reloc.kernel:key(step.owner.id), step.index)
    end
  end
end

function local_types:int(t)
  local key = (t.name or "") .. t.size
  if not self.ints[key] then
    self.ints[key] = self.types:add_int(t.name or "int", t.size,
      t.bool and "bool" or t.signed and "signed" or nil)
  end
  return self.ints[key]
end

function local_types:void_pointer()
  self.pointer = self.pointer or self.types:add_ptr(0)
  return self.pointer
end

local makers = {}

function makers.int(self, _, t) return self:int(t) end
function makers.ptr(self) return self:void_pointer() end

function makers.enum(self, kernel, t)
  local used = self.used[kernel:key(t.id)]
  local id = self.types["add_" .. t.kind](self.types, t.name, t.size)
  for _, index in ipairs(used and used.order or {}) do
    local e = t.values[index]
    self.types["add_" .. t.kind .. "_value"](self.types, e.name, e.value)
  end
  return id
end
makers.enum64 = makers.enum

function makers.array(self, kernel, t)
  return self.types:add_array(self:int {name = "unsigned int", size = 4}, self:make(kernel,
    t.type), t.nelems)
end

function makers.struct(self, kernel, t)
  local members = {}
  local used = self.used[kernel:key(t.id)]
  for _, index in ipairs(used and used.order or {}) do
    local m = t.members[index]
    members[#members + 1] = {name = m.name, id = self:make(kernel, m.type), offset = m.offset,
      bits = m.bitfield_size}
  end
  local id = self.types["add_" .. t.kind](self.types, t.name, t.size)
  for _, m in ipairs(members) do
    self.types:add_field(m.name, m.id, m.offset, m.bits)
  end
  return id
end
makers.union = makers.struct

--- The copy of a type, without typedefs and qualifiers.
function local_types:make(kernel, id)
  local t = kernel:resolve(id)
  local key = kernel:key(t.id)
  if not self.made[key] then
    self.made[key] = (makers[t.kind] or makers.ptr)(self, kernel, t)
  end
  return self.made[key]
end

-- The copy of a type in a prototype, in which libbpf also compares what pointers lead to.
local function of_prototype(self, kernel, id)
  local t = kernel:resolve(id)
  if t.kind == "ptr" then
    return self.types:add_ptr(of_prototype(self, kernel, t.type))
  elseif t.kind == "func_proto" then
    return self:prototype(kernel, t)
  elseif t.kind == "fwd" then
    return self.types:add_fwd(t.name, t.fwd_kind)
  end
  return t.kind == "void" and 0 or self:make(kernel, id)
end

--- The copy of a function's type.
function local_types:prototype(kernel, t)
  local params = {}
  for i, param in ipairs(t.params) do
    params[i] = of_prototype(self, kernel, param.type)
  end
  local id = self.types:add_func_proto(of_prototype(self, kernel, t.type))
  for i, param in ipairs(t.params) do
    self.types:add_func_param(param.name, params[i])
  end
  return id
end

--- The type and the access string of a relocation: "0:1:2", members by their place in the copies.
function local_types:access(reloc)
  if reloc.enum then
    return self:make(reloc.kernel, reloc.enum),
      place(self, reloc.kernel:key(reloc.enum), reloc.index)
  end
  local parts = {"0"}
  for _, step in ipairs(reloc.steps) do
    parts[#parts + 1] = step.owner and place(self, reloc.kernel:key(step.owner.id), step.index)
      or ("%d"):format(step.index)
  end
  return self:make(reloc.kernel, reloc.steps[1].owner.id), table.concat(parts, ":")
end

return local_types
