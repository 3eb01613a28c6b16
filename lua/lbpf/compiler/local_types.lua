-- The object's own copies of the kernel's types. A structure has only the members that programs
-- read; relocations need no more to find them in another kernel.
local local_types = {}
local_types.__index = local_types

--- @param types btf that is written
-- @param basic ids of "u32", "char" and so on, by a function from a BTF int
function local_types.new(types)
  return setmetatable({types = types, used = {}, made = {}, ints = {}, pointer = nil}, local_types)
end

--- Records the members of a relocation; all of them, before the first structure is made.
function local_types:use(reloc)
  for _, step in ipairs(reloc.steps) do
    if step.owner then
      local id = step.owner.id
      self.used[id] = self.used[id] or {members = {}, order = {}}
      local used = self.used[id]
      if not used.members[step.index] then
        used.members[step.index] = true
        table.insert(used.order, step.index)
        table.sort(used.order)
      end
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
function makers.enum(self, _, t) return self.types:add_enum(t.name, t.size) end
function makers.enum64(self, _, t) return self.types:add_enum64(t.name, t.size) end

function makers.array(self, kernel, t)
  return self.types:add_array(self:int {name = "unsigned int", size = 4}, self:make(kernel,
    t.type), t.nelems)
end

function makers.struct(self, kernel, t)
  local members = {}
  for _, index in ipairs(self.used[t.id] and self.used[t.id].order or {}) do
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
  if not self.made[t.id] then
    self.made[t.id] = (makers[t.kind] or makers.ptr)(self, kernel, t)
  end
  return self.made[t.id]
end

--- The type and the access string of a relocation: "0:1:2", members by their place in the copies.
function local_types:access(reloc)
  local first = reloc.steps[1].owner
  local parts = {"0"}
  for _, step in ipairs(reloc.steps) do
    if step.owner then
      for i, index in ipairs(self.used[step.owner.id].order) do
        if index == step.index then
          parts[#parts + 1] = ("%d"):format(i - 1)
        end
      end
    else
      parts[#parts + 1] = ("%d"):format(step.index)
    end
  end
  return self:make(reloc.kernel, first.id), table.concat(parts, ":")
end

return local_types
