-- Opens object files that were damaged, each as its seed says, and looks for crashes.
--
--   objects.lua SECONDS [SEED]    batches of files, a child process each
--   objects.lua one SEED          one file, to see what happens
--   objects.lua batch SEED FILE   (the child) notes in FILE which seed it is at
--
-- Every eighth file whose maps are small, and not to be pinned, is also loaded into the kernel;
-- nothing is attached. FUZZ_LOAD=1 loads them all: for a virtual machine.

local elf = require "elf"

local BATCH = 500
local LOADED = os.getenv("FUZZ_LOAD") and 1 or 8
local LARGEST = 2^24 -- bytes of a map
local MODULUS = 2^31 - 1
local sources = {}
for path in (os.getenv("FUZZ_OBJECTS") or ""):gmatch("%S+") do
  sources[#sources + 1] = path
end

local state

-- An integer from 1 to n: the same on every Lua for the same seed.
local function random(n)
  state = state * 16807 % MODULUS
  return state % n + 1
end

local function pick(list)
  return list[random(#list)]
end

local function little(n, size)
  local out = {}
  for i = 1, size do
    out[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return table.concat(out)
end

local function odd_value(bytes)
  return pick({0, 1, 2, 3, 7, 26, random(64), random(256), random(65536), #bytes, #bytes - 1,
    2^31 - 1, 2^31, 2^32 - 1, 2^32 - 2, 2^24 * random(32), 2^24 * random(32) + random(4)})
end

local sections_weighed = {".BTF", ".BTF", ".BTF", ".BTF.ext", ".symtab", ".symtab", ".strtab",
  ".rel", "any", "any"}

local function pick_section(bytes)
  local name, fitting = pick(sections_weighed), {}
  for _, section in ipairs(elf.sections(bytes)) do
    if section.size > 0 and (name == "any" or section.name == name
      or name == ".rel" and section.name:sub(1, 4) == ".rel") then
      fitting[#fitting + 1] = section
    end
  end
  return #fitting > 0 and pick(fitting) or nil
end

-- Each damages bytes between two offsets.
local damages = {
  function(bytes, from, size) -- a byte
    return elf.patch(bytes, from + random(size) - 1, string.char(random(256) - 1))
  end,
  function(bytes, from, size) -- a bit
    local at = from + random(size) - 1
    local byte, bit = elf.uint(bytes, at, 1), 2^(random(8) - 1)
    byte = math.floor(byte / bit) % 2 == 0 and byte + bit or byte - bit
    return elf.patch(bytes, at, string.char(byte))
  end,
  function(bytes, from, size) -- a word
    return elf.patch(bytes, from + math.floor(random(size) / 4) * 4, little(odd_value(bytes), 4))
  end,
  function(bytes, from, size) -- a word by another
    local word = from + math.floor(random(size) / 4) * 4
    return elf.patch(bytes, word,
      bytes:sub(from + 1, from + size):sub(math.floor(random(size) / 4) * 4 + 1):sub(1, 4))
  end,
  function(bytes, from, size) -- a stretch by another
    local length = random(math.min(size, 64))
    return elf.patch(bytes, from + random(size) - 1,
      bytes:sub(from + 1, from + size):sub(random(size)):sub(1, length))
  end,
}

local function damage_file(bytes)
  local how = random(20)
  if how == 1 then
    return bytes:sub(1, random(#bytes))
  elseif how == 2 then
    return pick(damages)(bytes, 0, 64)
  elseif how <= 5 then
    local section = pick(elf.sections(bytes))
    local field = pick({{0, 4}, {4, 4}, {8, 8}, {16, 8}, {24, 8}, {32, 8}, {40, 4}, {44, 4},
      {48, 8}, {56, 8}})
    return elf.patch(bytes, section.header + field[1], little(odd_value(bytes), field[2]))
  end
  local section = pick_section(bytes)
  return section and pick(damages)(bytes, section.offset, section.size) or bytes
end

-- Asks everything of types; whatever is refused may be, with an error.
local function use_types(lbpf, types)
  for t in types:each_type() do
    types:resolve_size(t.id)
    types:resolve_type(t.id)
    types:align_of(t.id)
  end
  types:dump_c(function() end)
  local dump = lbpf.btf_dump(types)
  local zeros, ones = ("\0"):rep(4096), ("\1"):rep(4096)
  for id = 0, types:type_cnt() - 1 do
    dump:emit_type_decl(id, {field_name = "x"})
    local size = types:resolve_size(id)
    if size and size <= #zeros then
      dump:dump_type_data(id, ones:sub(1, size))
      dump:dump_type_data(id, zeros:sub(1, size), {emit_zeroes = true, compact = true})
    end
  end
  dump:close()
  types:raw_data()
end

local function is_small(key_size, value_size, max_entries)
  return math.max(key_size + value_size, 1) * max_entries <= LARGEST
end

-- May it be loaded? Damage makes maps of gigabytes, and pins.
local function is_harmless(object)
  for map in object:each_map() do
    local inner = map:inner_map()
    if map:pin_path() or not is_small(map:key_size(), map:value_size(), map:max_entries())
      or inner and not is_small(inner.key_size, inner.value_size, inner.max_entries) then
      return false
    end
  end
  return true
end

local function use_object(lbpf, bytes, load)
  local object = lbpf.open_mem(bytes)
  if not object then
    return
  end
  for prog in object:each_program() do
    prog:name()
    prog:section_name()
  end
  for map in object:each_map() do
    map:name()
  end
  local types = object:btf()
  if types then
    use_types(lbpf, types)
  end
  if load and is_harmless(object) then
    object:load()
  end
  object:close()
end

local function use_section(lbpf, bytes)
  local section = elf.section(bytes, ".BTF")
  local data = bytes:sub(section.offset + 1, section.offset + section.size)
  for _ = 1, random(3) do
    data = random(15) == 1 and data:sub(1, random(#data)) or pick(damages)(data, 0, #data)
  end
  local types = lbpf.btf_new(data)
  if types then
    use_types(lbpf, types)
    types:close()
  end
end

local function one(lbpf, seed)
  state = seed % (MODULUS - 1) + 1
  for _ = 1, 5 do
    random(2)
  end
  local bytes = elf.read(pick(sources))
  if random(3) == 1 then
    return use_section(lbpf, bytes)
  end
  for _ = 1, random(3) do
    local ok, damaged = pcall(damage_file, bytes) -- it may have no sections left to find
    bytes = ok and damaged or bytes
  end
  return use_object(lbpf, bytes, seed % LOADED == 0)
end

local function batch(first, path)
  local lbpf = require "lbpf"
  local file = assert(io.open(path, "w"))
  for seed = first, first + BATCH - 1 do
    file:seek("set")
    file:write(("%d\n"):format(seed))
    file:flush()
    one(lbpf, seed)
    if seed % 50 == 0 then
      collectgarbage()
    end
  end
  file:close()
end

-- Runs a batch in a child; whether it came to its end.
local function run_batch(first, path)
  local command = "timeout 300 %s tests/fuzz/objects.lua batch %d %s 2>&1; echo status $?"
  local pipe = assert(io.popen(command:format(os.getenv("LBPF_LUA") or "lua5.4", first, path)))
  local output = pipe:read("*a")
  pipe:close()
  local status = output:match("status (%d+)\n$")
  if status == "0" then
    return true
  end
  local file = assert(io.open(path))
  local seed = file:read("*n")
  file:close()
  print(("seed %s: status %s\n%s"):format(seed, status, output:sub(-3000)))
  return false, seed
end

if arg[1] == "batch" then
  batch(tonumber(arg[2]), arg[3])
elseif arg[1] == "one" then
  one(require "lbpf", tonumber(arg[2]))
else
  local finish, seed = os.time() + tonumber(arg[1]), tonumber(arg[2] or os.time() % 2^20 * 1000)
  local path, files, failures = os.tmpname(), 0, 0
  print("first seed " .. ("%d"):format(seed))
  while os.time() < finish do
    local ok, at = run_batch(seed, path)
    failures = failures + (ok and 0 or 1)
    local done = ok and BATCH or at - seed + 1
    files, seed = files + done, seed + done
  end
  os.remove(path)
  print(("%d damaged files, %d crashes"):format(files, failures))
  os.exit(failures == 0 and 0 or 1)
end
