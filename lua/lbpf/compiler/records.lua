-- The structures of tracepoints' records in BTF, so that libbpf finds their fields in a kernel
-- where they are elsewhere: one built for real time, for example.
local records = {}

-- The fields that a tracepoint's own structure would have: those after the common ones.
local function own(fields)
  local list = {}
  for _, field in ipairs(fields) do
    if not field.name:find "^common_" then
      list[#list + 1] = field
    end
  end
  return list
end

-- Whether a member is the field: as a string at an offset, it is called "__data_loc_NAME".
local function is_field(kernel, m, field)
  return m.name and (m.name == field.name or m.name == "__data_loc_" .. field.name)
    and m.offset == field.offset * 8 and kernel:size(m.type) == field.size
end

-- Whether a structure has these fields, behind its `ent`.
local function fits(kernel, struct, fields)
  for i, field in ipairs(fields) do
    local m = struct.members[i + 1]
    if not m or not is_field(kernel, m, field) then
      return false
    end
  end
  local last = struct.members[#fields + 2]
  return #fields > 0 and (not last or last.name == "__data")
end

-- The structures of all classes of tracepoints.
local function classes(kernel)
  if not kernel.classes then
    kernel.classes = {}
    for t in kernel.btf:each_type() do
      if t.kind == "struct" and t.name and t.name:find "^trace_event_raw_" then
        table.insert(kernel.classes, t)
      end
    end
  end
  return kernel.classes
end

-- The structure of a tracepoint's record: its own, or the only one of a class with its fields.
local function structure(kernel, category, name, fields)
  if category == "syscalls" then
    local id = kernel:find(name:find "^sys_exit" and "syscall_trace_exit" or "syscall_trace_enter",
      "struct")
    return id and kernel:type(id)
  end
  local id = kernel:find("trace_event_raw_" .. name, "struct")
  if id then
    return kernel:type(id)
  end
  local found
  for _, t in ipairs(classes(kernel)) do
    if fits(kernel, t, fields) then
      if found then
        return nil -- which of them it is BTF does not say
      end
      found = t
    end
  end
  return found
end

-- The way to what is at an offset: a member, or an element of the array there.
local function way(kernel, struct, offset, size)
  for i, m in ipairs(struct.members) do
    local at = offset - m.offset / 8
    local of = kernel:resolve(m.type)
    if m.name and at == 0 and kernel:size(m.type) == size then
      return {{owner = struct, index = i, member = m}}
    elseif m.name and of.kind == "array" and at >= 0 and kernel:size(of.type) == size
      and at % size == 0 and (of.nelems == 0 or at < kernel:size(m.type)) then
      return {{owner = struct, index = i, member = m},
        {index = math.floor(at / size), of = of.type}}
    end
  end
end

--- Gives each field that BTF has the relocation of its offset: `reloc`.
-- @param kernel its types
-- @param category "sched"
-- @param name "sched_switch"
-- @param fields a list of {name, offset, size}
function records.relocate(kernel, category, name, fields)
  local mine = own(fields)
  local struct = structure(kernel, category, name, mine)
  for _, field in ipairs(struct and mine or {}) do
    local steps = way(kernel, struct, field.offset, field.size)
    field.reloc = steps and {kernel = kernel, steps = steps, kind = "field_byte_offset"}
  end
end

return records
