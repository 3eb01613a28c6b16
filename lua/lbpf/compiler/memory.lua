-- Memory as instructions: arguments, fields, maps. Methods of the generator.
local generator = require "lbpf.compiler.instructions"

local READ = {kernel = 113, user = 112, packet = 113}         -- bpf_probe_read_kernel, _user
local LOOKUP, UPDATE, DELETE = 1, 2, 3

local probe -- reads memory that may be unreadable

-- Fields ------------------------------------------------------------------------------------------

--- An argument of the probe, as `arguments` of its kind describes it.
function generator:argument(arg)
  local c = self.code
  local d
  if arg.inner then -- of a system call: in registers that a register points to
    local registers = c:load(self.ctx, arg.inner, 8)
    d = probe(self, {base = registers, off = arg.offset, steps = {}, space = "kernel"}, 8,
      self.code.node)
  elseif arg.value then
    return arg.value(self)
  elseif arg.inside then
    return self:address_of_argument(arg)
  else
    d = c:load(self.ctx, arg.offset, arg.size, arg.reloc)
  end
  if arg.sign_bits == 32 and not arg.signed then
    return c:low(d)
  elseif arg.sign_bits then
    c:change("<<", d, {imm = 64 - arg.sign_bits})
    c:change(arg.signed and "sar" or ">>", d, {imm = 64 - arg.sign_bits})
  elseif arg.address then -- the low half says where in the record it is
    c:change("&", d, {imm = 0xffff})
    c:change("+", d, self.ctx)
  else
    c:extend(d, arg.size, arg.signed)
  end
  return d
end

--- The address of an argument that is in the context.
function generator:address_of_argument(arg)
  local c = self.code
  local d = c:alu("+", self.ctx, {imm = arg.offset})
  c.list[#c.list].reloc = arg.reloc
  return d
end

-- A place is {base, off, root, steps}: what is at `base` is of the BTF type `root`, and `off` what
-- the steps from there are in the running kernel. A step is {owner, index, member} or {index}.
local function new_place(base, root, of, off)
  return {base = base, off = off or 0, root = root, steps = {}, space = of.space, known = of.known}
end

-- The place of a value with fields.
local function base_place(self, node)
  local t, c = node.type, self.code
  if t.kind == "place" and node.tag ~= "inline" and (node.tag == "field"
    or node.tag == "index") then
    return self:place(node)
  end
  local base = c:in_reg(self:value(node))
  if t.known and t.kind == "ptr" and not t.always then
    c:branch("==", base, {imm = 0}, self:problem(node, "a field of nil: the pointer is null"))
  end
  return new_place(base, t.to, t)
end

--- The address of a place, in a register.
function generator:address_of(place)
  local c = self.code
  if #place.steps == 0 and place.off == 0 then
    return place.base
  end
  local d = c:mov(c:reg(), place.base)
  if #place.steps > 0 or place.off ~= 0 then
    c:change("+", d, {imm = place.off})
    c.list[#c.list].reloc = self:relocation(place, "field_byte_offset")
  end
  return d
end

--- The relocation that adapts a place to the running kernel; nil if the layout is fixed, or if this
-- is that kernel: then libbpf need not read its types again.
function generator:relocation(place, kind)
  if #place.steps == 0 or place.space == "ctx" or place.space == "packet"
    or not self.env.options.portable then
    return nil
  end
  return {kernel = self.kernel, root = place.root, steps = place.steps, kind = kind}
end

local function add_field(self, place, node)
  for _, step in ipairs(node.way) do
    local bits = step.member.offset
    if step.member.bitfield_size then
      local size = self.kernel:size(step.member.type)
      place.bits = {count = step.member.bitfield_size, size = size}
      place.bits.at = bits % (size * 8)
      bits = bits - place.bits.at
    end
    table.insert(place.steps, step)
    place.off = place.off + math.floor(bits / 8)
  end
  return place
end

local function add_index(self, place, node)
  local c, key = self.code, node.keys[1]
  local size = self.kernel:size(node.of)
  if key.tag == "number" and not key.reloc and node.base.type.kind == "place" then
    table.insert(place.steps, {index = key.value, of = node.of})
    place.off = place.off + key.value * size
    return place
  end
  local i = c:in_reg(self:value(key))
  if node.count and node.count > 0 then
    c:branch("u>=", i, {imm = node.count}, self:problem(node,
      ("the index is out of range: 0 to %d"):format(node.count - 1)))
  end
  local address = c:mov(c:reg(), self:address_of(place))
  c:change("+", address, c:alu("*", i, {imm = size}))
  return new_place(address, node.of, {space = place.space})
end

--- The place of a field or an element.
function generator:place(node)
  if node.tag == "field" then
    return add_field(self, base_place(self, node.base), node)
  end
  return add_index(self, base_place(self, node.base), node)
end

-- Reads the bytes at a place by a helper; r0 is its result.
function probe(self, place, size, node)
  local c = self.code
  local slot
  c:scoped(function()
    slot = c:slot(8)
    if place.bits then
      c:store(slot, 0, 8, {imm = 0})
    end
    local from = self:address_of(place)
    c:mov(1, {slot = slot})
    c:mov(2, {imm = size})
    c.list[#c.list].reloc = place.bits and self:relocation(place, "field_byte_size") or nil
    c:mov(3, from)
    c:emit("call", {helper = READ[place.space], n = 3})
    c:branch("~=", c:mov(c:reg(), 0), {imm = 0}, self:problem(node, "memory that cannot be read"))
  end)
  return c:load(slot, 0, place.bits and 8 or size)
end

local function read_bits(self, place, t, node)
  local c = self.code
  local d
  if place.space == "ctx" or place.space == "packet" then
    d = c:load(place.base, place.off, place.bits.size)
  else
    d = probe(self, place, place.bits.size, node)
  end
  c:change("<<", d, {imm = 64 - place.bits.at - place.bits.count})
  c.list[#c.list].reloc = self:relocation(place, "field_lshift_u64")
  c:change(t.natural and ">>" or "sar", d, {imm = 64 - place.bits.count})
  c.list[#c.list].reloc = self:relocation(place, "field_rshift_u64")
  return d
end

-- The size in bytes, and whether it is signed.
local function shape(self, place, node)
  local id = node.way and node.way[#node.way].member.type or node.of or place.root
  local t = self.kernel:resolve(id)
  return t.kind == "ptr" and 8 or t.size, t.signed
end

--- The value at a place; for a structure, its address.
function generator:read(place, t, node)
  local c = self.code
  if t.kind == "place" or t.kind == "str" then
    return self:address_of(place)
  elseif place.bits then
    return read_bits(self, place, t, node)
  end
  local size, signed = shape(self, place, node)
  local d
  if place.known or place.space == "ctx" or place.space == "packet" then
    d = c:load(place.base, place.off, size, self:relocation(place, "field_byte_offset"))
  else
    d = probe(self, place, size, node)
  end
  return c:extend(d, size, signed)
end

-- Maps --------------------------------------------------------------------------------------------

--- A key on the stack.
-- @param bucket an operand to store after the keys, or nil
function generator:key(map, nodes, bucket)
  local c, size = self.code, 0
  for i = 1, #nodes do
    size = size + (map.keys[i].kind == "str" and map.keys[i].size or 8)
  end
  local slot, at = c:slot(math.max(8, size + (bucket and 8 or 0))), 0
  for i, node in ipairs(nodes) do
    local t = map.keys[i]
    if t.kind == "str" then
      local flag = self:string_into(node, slot, at, t.size, true)
      self:branch_absent(flag, flag and self:problem(node, "a key is nil"))
      at = at + t.size
    else
      c:store(slot, at, 8, self:value(node))
      at = at + 8
    end
  end
  if bucket or #nodes == 0 then
    c:store(slot, at, 8, bucket or {imm = 0})
  end
  return slot
end

--- map[keys]: its value, and a flag.
function generator:lookup(map, nodes)
  local c, entry = self.code, nil
  c:scoped(function()
    entry = c:call(LOOKUP, {map = map.object}, {slot = self:key(map, nodes)})
  end)
  if not map.value or map.value.kind == "str" then
    return {imm = 0}, entry
  end
  local d, none = c:mov(c:reg(), {imm = 0}), c:label()
  c:branch("==", entry, {imm = 0}, none)
  c:mov(d, c:load(entry, 0, 8))
  c:place(none)
  return d, entry
end

--- map[key] = value; nil deletes, as in Lua.
-- @param key a slot
function generator:update(target, key, value)
  local map, c = target.map, self.code
  if not map.value then -- it only gets what it has itself: nothing
    self:optional(value)
    return self:delete(map, key)
  end
  local back, absent = c:label(), c:label()
  c:scoped(function()
    local slot, flag
    if map.value.kind == "str" then
      slot = c:slot(map.value.size)
      flag = self:string_into(value, slot, 0, map.value.size, true)
    else
      local operand
      operand, flag = self:optional(value)
      slot = c:slot(8)
      c:store(slot, 0, 8, operand)
    end
    self:branch_absent(flag, absent)
    local result = c:call(UPDATE, {map = map.object}, {slot = key}, {slot = slot}, {imm = 0})
    c:branch("~=", result, {imm = 0},
      self:lost(target, ("'%s' is full: an entry is missing"):format(map.name), back))
    if flag then
      c:cold(function()
        c:place(absent)
        self:delete(map, key)
        c:jump(back)
      end)
    end
  end)
  c:place(back)
end

function generator:delete(map, key)
  self.code:call(DELETE, {map = map.object}, {slot = key})
end

return generator
