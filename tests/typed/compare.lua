-- What lbpf makes of structures, beside what a C compiler does.
local generate = require "generate"
local kernel = require "kernel"
local lbpf = require "lbpf"
local native = require "native"

local compare = {}

local ffi = jit and require "ffi" -- luacheck: globals jit

local function from_hex(text)
  return (text:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

local function to_hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function hex64(value)
  if type(value) == "boolean" then
    value = value and 1 or 0
  end
  if ffi then
    local type_of = type(value) == "cdata" and "uint64_t" or "int64_t"
    return require("bit").tohex(ffi.cast(type_of, value))
  end
  return ("%016x"):format(value)
end

-- The value of a decoded table that the path leads to.
local function get(value, path)
  for key in path:gmatch "[^%.%[%]]+" do
    value = value[tonumber(key) or key]
  end
  return value
end

local function set(value, path, new)
  local parent, last = path:match "^(.-)([^%.%[%]]+)%]?$"
  get(value, parent)[tonumber(last) or last] = new
end

-- As the native program prints it.
local shows = {
  integer = hex64, enum = hex64, bool = hex64, string = to_hex, wide = to_hex, tail = to_hex,
  float = function(value) return value end,
}

local function same_float(text, value)
  local number = tonumber(text)
  if text:find "nan" then
    return value ~= value
  elseif text:find "inf" then
    return value == (text:find "-" and -1 / 0 or 1 / 0)
  end
  return number == value
end

-- What is assigned.
local function new_value(leaf, struct, old)
  if leaf.kind == "bool" then
    return leaf.bits and leaf.value == 1 or not leaf.bits and not old
  elseif leaf.kind == "float" then
    return leaf.value + 0.5
  elseif leaf.kind == "string" then
    return old:sub(1, 1) == "x" and "y" or "x"
  elseif leaf.kind == "tail" then
    return (leaf.value == 1 and "x" or "y"):rep(struct.tail.n)
  end
  return leaf.value
end

local function check(state, condition, struct, what, ...)
  state.checks = state.checks + 1
  if not condition then
    state.differences = state.differences + 1
    if state.differences <= 10 then
      io.stderr:write(("%s: %s\n%s\n"):format(struct.name, what:format(...), struct.text))
    end
  end
end

-- A bit field of one bit that is signed cannot be 1 in Lua, where C makes it -1.
local function assign(codec, value, leaf, struct)
  set(value, leaf.path, new_value(leaf, struct, get(value, leaf.path)))
  local ok, bytes = pcall(codec.encode, codec, value)
  if not ok and leaf.bits == 1 and leaf.value == 1 then
    set(value, leaf.path, -1)
    ok, bytes = pcall(codec.encode, codec, value)
  end
  return ok and to_hex(bytes) or bytes
end

local function same_value(leaf, line, got, loose)
  if leaf.kind == "float" then
    return same_float(line, got)
  end
  return got == line or loose and leaf.kind == "enum" and got:sub(9) == line:sub(9)
end

-- LOOSE: the BTF does not say whether enums are signed, for the compiler is older than that.
local function compare_struct(state, struct, codec, lines, loose)
  local size, length = lines():match "(%d+) (%d+)"
  check(state, codec:size() == tonumber(size), struct, "size %d, in C %s", codec:size(), size)
  local expected = lines()
  local bytes = from_hex(expected)
  assert(#bytes == tonumber(length))
  local ok, value = pcall(codec.decode, codec, bytes)
  if not ok then
    check(state, false, struct, "decoding: %s", value)
  end
  for _, leaf in ipairs(struct.leaves) do
    local line = lines()
    local got = ok and shows[leaf.kind](get(value, leaf.path))
    check(state, ok and same_value(leaf, line, got, loose), struct,
      "%s is %s, in C %s; bytes %s", leaf.path, tostring(got), line, expected)
  end
  local back = ok and to_hex(codec:encode(value))
  check(state, back == expected, struct, "written as\n%s, was\n%s", tostring(back), expected)
  for _, leaf in ipairs(struct.leaves) do
    local line = lines()
    local got = ok and assign(codec, codec:decode(bytes), leaf, struct)
    check(state, got == line, struct, "%s changed:\n%s, in C\n%s, was\n%s", leaf.path, got, line,
      expected)
  end
end

-- The codecs of the structures' layouts.
local function codecs_of_layouts(structs)
  local list = {}
  for i, struct in ipairs(structs) do
    list[i] = lbpf.layout(struct.text):codec(struct.name)
  end
  return list
end

-- Those of the BTF that clang makes of them for BPF.
local function codecs_of_clang(structs, clang)
  local path = native.bpf_object(structs, clang)
  local btf = assert(lbpf.btf_parse(path))
  os.remove(path)
  local list = {}
  for i, struct in ipairs(structs) do
    list[i] = btf:codec(struct.name)
  end
  return list
end

local function compare_all(state, structs, codecs, text, loose)
  local lines = text:gmatch "([^\n]*)\n"
  for i, struct in ipairs(structs) do
    compare_struct(state, struct, codecs[i], lines, loose)
    state.leaves = state.leaves + #struct.leaves
  end
  state.structs = state.structs + #structs
end

local function random_bytes(n)
  local bytes = {}
  for i = 1, n do
    bytes[i] = string.char(math.random(0, 255))
  end
  return table.concat(bytes)
end

local function new_state()
  return {checks = 0, differences = 0, structs = 0, leaves = 0}
end

--- Compares random structures.
-- @param count
-- @param seed of the first
-- @param opts `compiler`: for this machine; `clang`: for BPF, whose BTF is then compared in place
-- of layouts
-- @return the numbers of `structs`, of their `leaves`, of `checks` and of `differences`
function compare.random(count, seed, opts)
  local state, BATCH = new_state(), 100
  for first = seed, seed + count - 1, BATCH do
    local structs = {}
    for i = first, math.min(first + BATCH, seed + count) - 1 do
      structs[#structs + 1] = generate.struct(i * 7919, "s" .. i)
    end
    local text = native.run(native.source(structs, first), opts.compiler)
    local codecs = opts.clang and codecs_of_clang(structs, opts.clang)
      or codecs_of_layouts(structs)
    compare_all(state, structs, codecs, text, opts.clang)
  end
  return state
end

--- Compares the named structures and unions of the running kernel.
-- @param opts `compiler`, and the kernel's `char` is unsigned; `most`: how many, spread over all
-- @return the same
function compare.kernel(opts)
  local state, BATCH = new_state(), 400
  local btf = assert(lbpf.btf_load_vmlinux_btf())
  local structs = kernel.structs(btf, opts.most)
  local types = btf:dump_c()
  for first = 1, #structs, BATCH do
    local batch, codecs = {}, {}
    for i = first, math.min(first + BATCH - 1, #structs) do
      batch[#batch + 1] = structs[i]
      codecs[#codecs + 1] = assert(btf:codec(structs[i].id))
    end
    local text = native.run(native.source(batch, first, types), opts.compiler .. " -funsigned-char")
    compare_all(state, batch, codecs, text)
  end
  return state
end

--- Reads and writes random bytes of all the kernel's types that have parts, also those whose names
-- C cannot say, for others have them. (A boolean or string alone is only what it says.)
-- @return the same
function compare.written()
  local state = new_state()
  local btf = assert(lbpf.btf_load_vmlinux_btf())
  for t in btf:each_type() do
    local codec = btf:codec(t.id)
    if codec and codec:size() < 2 ^ 16
      and type(codec:decode(("\0"):rep(codec:size()))) == "table" then
      state.structs = state.structs + 1
      for _ = 1, 3 do
        local bytes = random_bytes(codec:size())
        check(state, codec:encode(codec:decode(bytes)) == bytes, {name = "type " .. t.id,
          text = t.name or ""}, "it is not written as it was read")
      end
    end
  end
  return state
end

return compare
