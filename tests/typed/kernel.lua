-- The named structures and unions of the kernel, as `generate` has random ones.
local kernel = {}

local LARGEST = 2 ^ 19

-- The type without typedefs and qualifiers; whether it is constant, and cannot be assigned to.
local function resolve(btf, id)
  local is_const = false
  while true do
    local t = btf:type_by_id(id)
    if not t then
      return {kind = "void"}, is_const
    elseif t.kind == "const" then
      is_const = true
    elseif t.kind ~= "typedef" and t.kind ~= "volatile" and t.kind ~= "restrict"
      and t.kind ~= "type_tag" then
      return t, is_const
    end
    id = t.type
  end
end

-- What kind of leaf values of the type are; nil if they have parts.
local function kind_of(t)
  if t.kind == "int" then
    return t.size == 16 and "wide" or t.bool and "bool" or t.size <= 8 and "integer" or nil
  elseif t.kind == "enum" or t.kind == "enum64" then
    return "enum"
  elseif t.kind == "ptr" then
    return "integer"
  end
end

local add_members

local function add_array(btf, leaves, t, name)
  local of, is_const = resolve(btf, t.type)
  if is_const or t.nelems == 0 then
    return
  elseif of.kind == "int" and of.size == 1 and of.name == "char" then
    leaves[#leaves + 1] = {c = "v->" .. name, path = name, kind = "string", value = t.nelems % 2}
  elseif kind_of(of) then
    for _, i in ipairs(t.nelems > 1 and {1, t.nelems} or {1}) do
      leaves[#leaves + 1] = {c = ("v->%s[%d]"):format(name, i - 1), kind = kind_of(of),
        path = ("%s[%d]"):format(name, i), value = 1}
    end
  end
end

local function add_member(btf, leaves, m)
  local t, is_const = resolve(btf, m.type)
  if is_const then
    return
  elseif not m.name then
    add_members(btf, leaves, t)
  elseif t.kind == "array" then
    add_array(btf, leaves, t, m.name)
  elseif kind_of(t) then
    leaves[#leaves + 1] = {c = "v->" .. m.name, path = m.name, kind = kind_of(t),
      bits = m.bitfield_size, value = 1}
  end
end

function add_members(btf, leaves, t)
  for _, m in ipairs(t.members or {}) do
    add_member(btf, leaves, m)
  end
end

--- All that have a name of their own; or MOST of them, spread evenly.
function kernel.structs(btf, most)
  local count, list = {}, {}
  for t in btf:each_type() do
    local is_struct = t.kind == "struct" or t.kind == "union"
    if t.name and (is_struct or t.kind == "enum" or t.kind == "enum64") then
      count[t.name] = (count[t.name] or 0) + 1 -- C has one name for all of these
      if is_struct and t.size > 0 and t.size <= LARGEST then
        list[#list + 1] = {name = t.kind .. " " .. t.name, tag = t.name, id = t.id, text = ""}
      end
    end
  end
  local chosen = {}
  local step = most and math.max(1, math.floor(#list / most)) or 1
  for i = 1, #list, step do
    local struct = list[i]
    if count[struct.tag] == 1 then
      struct.leaves = {}
      add_members(btf, struct.leaves, btf:type_by_id(struct.id))
      chosen[#chosen + 1] = struct
    end
  end
  return chosen
end

return kernel
