-- Types of the kernel: BTF by names, with a cache.
local lbpf = require "lbpf.core"
local source = require "lbpf.compiler.source"

local kernel = {}
kernel.__index = kernel

local wrappers = {typedef = true, const = true, volatile = true, restrict = true, type_tag = true}

--- @param btf
-- @param module ?the module's name
-- @param first ?the id of its first type; those before are the kernel's
function kernel.new(btf, module, first)
  return setmetatable({btf = btf, types = {}, ids = {}, module = module, first = first}, kernel)
end

-- The kernel's own file. Reading it takes most of the time that a small program takes to compile.
local FILE = "/sys/kernel/btf/vmlinux"

-- Its types, which are read when they are asked for first.
local lazy = {}

function lazy:__index(key)
  if key == "btf" then
    local btf, message = lbpf.btf_load_vmlinux_btf()
    if not btf then
      source.fail_plainly("the kernel's types cannot be read: %s", message)
    end
    self.btf = btf
    return btf
  end
  return kernel[key]
end

local running
--- The running kernel's; nil and a message if it has no BTF.
function kernel.running()
  if running then
    return running
  end
  local file = io.open(FILE, "rb")
  if file then
    file:close()
    running = setmetatable({types = {}, ids = {}}, lazy)
    return running
  end
  local btf, message = lbpf.btf_load_vmlinux_btf() -- libbpf also looks in /boot
  if not btf then
    return nil, message
  end
  running = kernel.new(btf)
  return running
end

--- Frees the running kernel's types: 6 MB. What is compiled next reads them again.
function kernel.forget()
  local btf = running and rawget(running, "btf")
  running = nil
  if btf then
    btf:close()
  end
end

local VOID = {kind = "void", id = 0}

-- Integers that are alike in all kernels have ids below 0, so that the types need not be read for
-- them.
local integers, integer_ids = {}, {}
for name, size in pairs {char = 1, short = 2, int = 4, ["long long"] = 8} do
  for _, letter in ipairs {"s", "u"} do
    local id = -#integers - 1
    integers[-id] = {kind = "int", id = id, size = size, bits = 8 * size, offset = 0,
      signed = letter == "s", name = letter == "u" and "unsigned " .. name
        or name == "char" and "signed char" or name}
    for _, before in ipairs {"", "__"} do
      integer_ids[("%s%s%d"):format(before, letter, 8 * size)] = id
    end
  end
end

--- A type as btf:type_by_id() has it.
function kernel:type(id)
  if id == 0 then
    return VOID
  elseif id < 0 then
    return integers[-id]
  end
  local t = self.types[id]
  if not t then
    t = self.btf:type_by_id(id)
    self.types[id] = t
  end
  return t
end

--- What tells a type of this kernel from all others, those of modules included.
function kernel:key(id)
  return self.first and id >= self.first and self.module .. ":" .. id or id
end

--- Whether an id, also of a module's types, means the same here.
function kernel:has(id)
  return id <= 0 or self.first ~= nil or id < self.btf:type_cnt()
end

--- The id that "__u64" and the like have in all kernels, of its id in this one; else the same id.
function kernel:common(id)
  local t = self:type(id)
  return t.kind == "typedef" and integer_ids[t.name] or id
end

--- The type without typedefs and qualifiers; and whether a tag says that it is user memory.
function kernel:resolve(id)
  local t, is_user = self:type(id), false
  while wrappers[t.kind] do
    is_user = is_user or t.kind == "type_tag" and t.name == "user"
    t = self:type(t.type)
  end
  return t, is_user
end

--- The id of a name and kind; nil if there is none.
function kernel:find(name, kind)
  local key = kind .. " " .. name
  if self.ids[key] == nil then
    self.ids[key] = self.btf:find_by_name_kind(name, kind) or false
  end
  return self.ids[key] or nil
end

-- What compilers call the types that are written in C in another way.
local spellings = {long = "long int", ["unsigned long"] = "long unsigned int",
  ["long long"] = "long long int", ["unsigned long long"] = "long long unsigned int",
  short = "short int", ["unsigned short"] = "short unsigned int", unsigned = "unsigned int"}

--- The id of "struct task_struct", "union x", "enum x" or a typedef's name.
function kernel:find_type(text)
  if integer_ids[text] then
    return integer_ids[text]
  end
  local kind, name = text:match "^(%a+)%s+([%w_]+)$"
  if kind == "struct" or kind == "union" or kind == "enum" then
    return self:find(name, kind)
  end
  return self:find(text, "typedef") or self:find(text, "struct")
    or self:find(spellings[text] or text, "int")
end

--- The size in bytes.
function kernel:size(id)
  local t = self:resolve(id)
  if t.kind == "ptr" then
    return 8
  elseif t.kind == "array" then
    return t.nelems * self:size(t.type)
  end
  return t.size or 0
end

--- How a type is called in C.
function kernel:describe(id)
  local t = self:type(id)
  if t.kind == "ptr" then
    return self:describe(t.type) .. " *"
  elseif t.kind == "array" then
    return ("%s[%d]"):format(self:describe(t.type), t.nelems)
  elseif t.kind == "struct" or t.kind == "union" or t.kind == "enum" then
    return t.kind .. " " .. (t.name or "(anonymous)")
  elseif t.kind == "fwd" then
    return t.fwd_kind .. " " .. t.name
  end
  return t.name or t.type and self:describe(t.type) or t.kind
end

--- The full definition of a structure that is only declared here.
function kernel:complete(t)
  if t.kind == "fwd" then
    local id = self:find(t.name, t.fwd_kind)
    return id and self:type(id) or t
  end
  return t
end

--- The way to a member, through anonymous ones: a list of {owner (a type), index, member}.
function kernel:member(t, name)
  for i, m in ipairs(t.members or {}) do
    if m.name == name then
      return {{owner = t, index = i, member = m}}
    elseif not m.name then
      local rest = self:member(self:resolve(m.type), name)
      if rest then
        table.insert(rest, 1, {owner = t, index = i, member = m})
        return rest
      end
    end
  end
end

--- The names of all members.
function kernel:member_names(t, names)
  names = names or {}
  for _, m in ipairs(t.members or {}) do
    if m.name then
      names[#names + 1] = m.name
    else
      self:member_names(self:resolve(m.type), names)
    end
  end
  return names
end

--- The prototype of a function: a func_proto type; nil if BTF does not know it.
function kernel:prototype(name)
  local id = self:find(name, "func")
  return id and self:type(self:type(id).type), id
end

--- An enumerator: {value, enum = the enum's id, index}; nil if no enum has one of this name.
function kernel:enumerator(name)
  if not self.enumerators then
    self.enumerators = {}
    for id = 1, self.btf:type_cnt() - 1 do
      local kind = self.btf:type_by_id(id).kind
      if kind == "enum" or kind == "enum64" then
        for i, e in ipairs(self:type(id).values) do
          if not self.enumerators[e.name] then
            self.enumerators[e.name] = {value = e.value, enum = id, index = i}
          end
        end
      end
    end
  end
  return self.enumerators[name]
end

return kernel
