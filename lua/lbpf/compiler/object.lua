-- Compiled programs and maps as an object file, and the plan, which describes them to user space.
local lbpf = require "lbpf.core"
local local_types = require "lbpf.compiler.local_types"
local near = require "lbpf.compiler.near"
local source = require "lbpf.compiler.source"
local fail = source.fail_at

local NO_PREALLOC = 1 -- BPF_F_NO_PREALLOC
local STACK_FRAMES = 127
local STACKS = 4 -- places for each entry: of two stacks with the same one is lost

local object = {}
object.__index = object

-- BTF ---------------------------------------------------------------------------------------------

local function new(shared, options)
  local types = lbpf.btf_new_empty()
  local self = setmetatable({shared = shared, options = options, types = types,
    arrays = {}, maps = {}, vars = {}}, object)
  self.copies = local_types.new(types)
  self.u32 = self.copies:int {name = "unsigned int", size = 4}
  self.s64 = self.copies:int {name = "long long", size = 8, signed = true}
  self.char = types:add_int("char", 1, "char")
  self.u8 = types:add_int("unsigned char", 1)
  return self
end

function object:array(of, count)
  local key = of .. "/" .. count
  self.arrays[key] = self.arrays[key] or self.types:add_array(self.u32, of, count)
  return self.arrays[key]
end

-- How a value of the program is in memory: its BTF type, and its size.
function object:stored(t)
  if t.kind == "str" then
    return self:array(t.raw and self.u8 or self.char, t.raw and t.bound or t.size), t.size
  end
  return self.s64, 8
end

--- FIELDS: a list of {name, type} or {name, offset, type}, in the order of their offsets.
function object:struct(name, fields)
  local at, placed = 0, {}
  for i, field in ipairs(fields) do
    local id, size = field.id, field.size
    if not id then
      id, size = self:stored(field.type)
    end
    at = field.offset or at
    placed[i] = {name = field.name, id = id, offset = at}
    at = at + size
  end
  local id = self.types:add_struct(name, math.floor((at + 7) / 8) * 8)
  for _, field in ipairs(placed) do
    self.types:add_field(field.name, field.id, field.offset * 8)
  end
  return id
end

-- The types that a map of each kind may have, its own first.
local types_of = {hash = {"hash", "lru_hash"}, percpu_hash = {"percpu_hash", "lru_percpu_hash"},
  percpu_array = {"percpu_array"}}

local map_types = {hash = 1, array = 2, percpu_hash = 5, percpu_array = 6, stack_trace = 7,
  lru_hash = 9, lru_percpu_hash = 10, ringbuf = 27}

-- The definition of a map as __uint() and __type() make it: numbers are lengths of arrays.
function object:define_map(name, kind, max_entries, more)
  local members = {
    {"type", self.types:add_ptr(self:array(self.u32, map_types[kind]))},
    {"max_entries", self.types:add_ptr(self:array(self.u32, max_entries))},
  }
  for _, member in ipairs {"key_size", "value_size", "map_flags"} do
    if more and more[member] then
      members[#members + 1] = {member, self.types:add_ptr(self:array(self.u32, more[member]))}
    end
  end
  for _, member in ipairs {"key", "value"} do
    if more and more[member] then
      members[#members + 1] = {member, self.types:add_ptr(more[member])}
    end
  end
  local id = self.types:add_struct(nil, #members * 8)
  for i, member in ipairs(members) do
    self.types:add_field(member[1], member[2], (i - 1) * 64)
  end
  table.insert(self.maps, {name = name, size = #members * 8, var = self.types:add_var(name,
    "global", id)})
end

-- How values are shown; nil: by their type.
local function show(t)
  return t.show or t.kind == "ptr" and "ptr" or t.kind == "bool" and "bool" or nil
end

local function key_fields(map)
  local fields = {}
  for i, t in ipairs(map.keys or {}) do
    fields[i] = {name = "k" .. i, type = t}
  end
  return fields
end

-- The type that the options ask for, or the map's own; and its flags.
local function type_of(map, options)
  local own = map.kind == "hash" and "hash" or map.is_hash and "percpu_hash" or "percpu_array"
  local kind, known = options.type or own, types_of[own]
  if kind ~= known[1] and kind ~= known[2] then
    source.fail_plainly("option 'maps.%s.type' must be %s, not '%s'", map.name,
      table.concat(known, " or "), kind)
  end
  if options.prealloc ~= false or own == "percpu_array" then
    return kind
  elseif kind ~= own then
    source.fail_plainly("option 'maps.%s.prealloc': a map of type %s has its memory beforehand",
      map.name, kind)
  end
  return kind, NO_PREALLOC
end

--- A map of the programs, and its entry in the plan.
function object:add_map(map)
  local options = self.options.maps[map.name] or {}
  local keys, value = key_fields(map), {}
  local plan = {name = map.name, map = map.object, kind = map.kind, keys = {}, value = {},
    lhist = map.shape}
  for i, field in ipairs(keys) do
    plan.keys[i] = {name = field.name, show = show(field.type)}
  end
  if map.kind == "hist" or map.kind == "lhist" then
    keys[#keys + 1] = {name = "bucket", type = {kind = "int"}}
  elseif #keys == 0 then
    keys[1] = {name = "k0", type = {kind = "int"}}
  end
  if map.kind == "hash" then
    value[1] = {name = "v", type = map.value or {kind = "int"}}
    plan.value = {v = "v", show = show(value[1].type)}
  end
  for i, member in ipairs(map.members or {}) do
    value[i] = {name = member, type = {kind = "int"}}
    plan.value[member] = member
  end
  local is_hash = map.kind == "hash" or map.is_hash
  local kind, flags = type_of(map, options)
  local scalar = map.kind == "hash" and #plan.keys == 0
  self:define_map(map.object, kind, not is_hash and 1 or scalar and 1
    or options.max_entries or self.options.max_entries, {
      key = is_hash and self:struct("key_" .. map.object, keys) or self.u32,
      value = self:struct("value_" .. map.object, value),
      map_flags = flags,
    })
  return plan
end

function object:add_event(event)
  local fields = {{name = "id", id = self.u32, size = 4}}
  if event.map and not self.shared.maps:find(event.map) then
    fail(event.node, "no map is called '%s'%s", event.map, near.hint(event.map,
      self.shared.maps:names()))
  end
  local plan = {name = event.name, kind = event.kind, type = event.type, map = event.map,
    format = event.format, fields = {}, show = {}, present = {}}
  for i, field in ipairs(event.fields) do
    fields[#fields + 1] = {name = field.name, type = field.type, offset = field.offset}
    plan.fields[i] = field.name
    plan.show[i] = show(field.type)
  end
  for i, field in ipairs(event.fields) do
    if field.flag_offset then
      plan.present[i] = field.name .. "_set"
      fields[#fields + 1] = {name = plan.present[i], type = {kind = "int"},
        offset = field.flag_offset}
    end
  end
  self:struct(event.type, fields)
  return plan
end

function object:add_maps(plan)
  for i, map in ipairs(self.shared.maps.list) do
    plan.maps[i] = self:add_map(map)
  end
  for i, event in ipairs(self.shared.events.list) do
    plan.events[i] = self:add_event(event)
  end
  if #plan.events > 0 then
    plan.ring = self.shared.events.map
    self:define_map(plan.ring, "ringbuf", self.options.ring)
  end
  if self.shared.stacks.used then
    plan.stacks = self.shared.stacks.map
    self:define_map(plan.stacks, "stack_trace", STACKS * self.options.max_entries,
      {key_size = 4, value_size = STACK_FRAMES * 8})
  end
  for _, map in ipairs(self.shared.support) do
    self:define_map(map.name, map.kind, map.max_entries, map)
  end
  plan.problems = self.shared.problems.list
  if #plan.problems > 0 then
    self:define_map(self.shared.problems.map, "percpu_array", #plan.problems,
      {key = self.u32, value = self.s64})
  end
end

-- ELF ---------------------------------------------------------------------------------------------

-- The programs, and the functions that they call, which libbpf expects in .text.
local function all_functions(programs)
  local list = {}
  for _, program in ipairs(programs) do
    list[#list + 1] = program
  end
  for _, program in ipairs(programs) do
    for i, body in ipairs(program.code.functions) do
      body.func.symbol = ("%s_loop_%d"):format(program.name, i)
      list[#list + 1] = {name = body.func.symbol, section = ".text", code = body, is_loop = true}
    end
  end
  return list
end

-- Programs of one section are adjacent.
local function sections_of(programs)
  local list, by_name = {}, {}
  for _, program in ipairs(programs) do
    local section = by_name[program.section]
    if not section then
      section = {name = program.section, flags = "ax", size = 0, parts = {}}
      by_name[section.name], list[#list + 1] = section, section
    end
    program.offset = section.size
    section.size = section.size + #program.code.bytes
    table.insert(section.parts, program.code.bytes)
  end
  for _, section in ipairs(list) do
    section.data = table.concat(section.parts)
    section.parts, section.size = nil, nil
  end
  return list
end

-- Functions, lines and relocations, in the form of btf:ext_data().
function object:describe_programs(programs)
  local ext = {func_info = {}, line_info = {}, core_relo = {}}
  local int, pointer = self.copies:int {name = "int", size = 4, signed = true},
    self.copies:void_pointer()
  local proto = self.types:add_func_proto(int)
  self.types:add_func_param("ctx", pointer)
  local loop_proto = self.types:add_func_proto(int)
  self.types:add_func_param("round", self.u32)
  self.types:add_func_param("frame", pointer)
  for _, program in ipairs(programs) do
    for _, item in ipairs(program.code.core) do
      self.copies:use(item.reloc)
    end
  end
  for _, program in ipairs(programs) do
    table.insert(ext.func_info, {section = program.section, offset = program.offset,
      type = self.types:add_func(program.name, program.is_loop and "static" or "global",
        program.is_loop and loop_proto or proto)})
    for _, item in ipairs(program.code.lines) do
      local src, at = item.node.source, item.node.at
      local line, column = src:locate(at)
      table.insert(ext.line_info, {section = program.section, offset = program.offset + item.offset,
        file = src.name, line = line, column = math.min(column, 1023), source = src:line_text(at)})
    end
    for _, item in ipairs(program.code.core) do
      local id, access = self.copies:access(item.reloc)
      table.insert(ext.core_relo, {section = program.section, offset = program.offset + item.offset,
        type = id, access = access, kind = item.reloc.kind})
    end
  end
  if #ext.core_relo == 0 then
    ext.core_relo = nil
  end
  return ext
end

-- The kernel's functions that programs call: each a symbol that is defined elsewhere.
function object:add_kfuncs(programs, symbols, relocations)
  local ids, made = {}, {}
  for _, program in ipairs(programs) do
    for _, item in ipairs(program.code.calls) do
      local kfunc = item.kfunc
      if not made[kfunc.name] then
        made[kfunc.name] = true
        ids[#ids + 1] = self.types:add_func(kfunc.name, "extern",
          self.copies:prototype(kfunc.kernel, (kfunc.kernel:prototype(kfunc.name))))
        table.insert(symbols, {name = kfunc.name})
      end
      table.insert(relocations, {section = program.section, offset = program.offset + item.offset,
        symbol = kfunc.name, type = "64_32"})
    end
  end
  if #ids > 0 then
    self.types:add_datasec(".ksyms", 0)
    for _, id in ipairs(ids) do
      self.types:add_datasec_var_info(id, 0, 0)
    end
  end
end

function object:write(programs)
  programs = all_functions(programs)
  local sections, symbols, relocations = sections_of(programs), {}, {}
  local ext = self:describe_programs(programs)
  for _, program in ipairs(programs) do
    table.insert(symbols, {name = program.name, section = program.section, value = program.offset,
      size = #program.code.bytes, type = "func"})
    for _, item in ipairs(program.code.maps) do
      table.insert(relocations, {section = program.section, offset = program.offset + item.offset,
        symbol = item.map, type = "64_64"})
    end
    for _, item in ipairs(program.code.funcs) do
      table.insert(relocations, {section = program.section, offset = program.offset + item.offset,
        symbol = item.func.symbol, type = "64_64"})
    end
  end
  self:add_kfuncs(programs, symbols, relocations)
  local size = 0
  for _, map in ipairs(self.maps) do
    map.offset = size
    table.insert(symbols, {name = map.name, section = ".maps", value = size, size = map.size,
      type = "object"})
    size = size + map.size
  end
  if size > 0 then
    self.types:add_datasec(".maps", size)
    for _, map in ipairs(self.maps) do
      self.types:add_datasec_var_info(map.var, map.offset, map.size)
    end
    table.insert(sections, {name = ".maps", flags = "wa", data = ("\0"):rep(size)})
  end
  if self.shared.zero.used then
    local name = self.shared.zero.name
    local var = self.types:add_var(name, "global", self.s64)
    self.types:add_datasec(".bss", 8)
    self.types:add_datasec_var_info(var, 0, 8)
    table.insert(symbols, {name = name, section = ".bss", value = 0, size = 8, type = "object"})
    table.insert(sections, {name = ".bss", flags = "wa", type = "nobits", size = 8})
  end
  table.insert(sections, {name = "license", flags = "wa", data = "GPL\0"})
  local ext_data = self.types:ext_data(ext)
  table.insert(sections, {name = ".BTF", data = self.types:raw_data()})
  table.insert(sections, {name = ".BTF.ext", data = ext_data})
  return lbpf.elf {sections = sections, symbols = symbols, relocations = relocations}
end

--- @param programs a list of {name, section, spec, code}, code as the assembler returns it
-- @param shared what they share: registry.lua
-- @param options those of compile()
-- @return the bytes, and the plan
return function(programs, shared, options)
  local self = new(shared, options)
  local plan = {programs = {}, maps = {}, events = {}}
  for i, program in ipairs(programs) do
    local count = program.code.count
    for _, body in ipairs(program.code.functions) do
      count = count + body.count
    end
    plan.programs[i] = {name = program.name, section = program.section, spec = program.spec,
      instructions = count}
  end
  self:add_maps(plan)
  return self:write(programs), plan
end
