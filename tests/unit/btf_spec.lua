-- Type information from files and memory: what is found, and how it is given to Lua.
local btf = require "btf"
local elf = require "elf"
local lbpf = require "lbpf"
local needs = require "needs"

local path = "build/bpf/btf.bpf.o"

local function section(name)
  local bytes = elf.read(path)
  local s = elf.section(bytes, name)
  return bytes:sub(s.offset + 1, s.offset + s.size)
end

-- A 64-bit integer as it is written in decimal, on every Lua.
local function decimal(n)
  return (tostring(n):gsub("U?LL$", ""))
end

describe("BTF of an object file", function()
  local types

  local function find(name, kind)
    return types:type_by_id(assert(types:find_by_name_kind(name, kind)))
  end

  before_each(function()
    types = assert(lbpf.btf_parse(path))
  end)

  it("is the same from file, section and object", needs("little endian", function()
    local n = types:type_cnt()
    assert.is_true(n > 30)
    assert.equal(n, lbpf.btf_parse_elf(path):type_cnt())
    assert.equal(n, lbpf.btf_new(section(".BTF")):type_cnt())
    assert.equal(section(".BTF"), types:raw_data())
    local name = os.tmpname()
    local f = assert(io.open(name, "wb"))
    f:write(types:raw_data())
    f:close()
    assert.equal(n, lbpf.btf_parse_raw(name):type_cnt())
    assert.equal(n, lbpf.btf_parse(name):type_cnt())
    os.remove(name)
    local obj = assert(lbpf.open(path))
    assert.equal(n, obj:btf():type_cnt())
    assert.equal(obj:btf(), obj:btf())
    assert.is_nil(obj:btf_fd())
  end))

  it("says why there is none", function()
    local none, message, errno, log = lbpf.btf_parse("no/such/file")
    assert.is_nil(none)
    assert.equal(2, errno)
    assert.equal("parse BTF of 'no/such/file': No such file or directory (ENOENT)", message)
    assert.equal("", log)
    none, message, errno = lbpf.btf_parse_elf("Makefile")
    assert.is_nil(none)
    assert.matches("^parse BTF of 'Makefile': ", message)
    assert.is_number(errno)
    none, message, errno = lbpf.btf_new("no types")
    assert.is_nil(none)
    assert.equal("make BTF of 'memory': Invalid argument (EINVAL)", message)
    assert.equal(22, errno)
  end)

  it("has integers", function()
    local int = find("int", "int")
    assert.same({id = int.id, kind = "int", name = "int", size = 4, bits = 32, offset = 0,
      signed = true, char = false, bool = false}, int)
    assert.is_false(find("unsigned int", "int").signed)
  end)

  it("has structs, with members in bits", function()
    local all = find("all", "struct")
    assert.equal(80, all.size)
    assert.equal(10, #all.members)
    local int, unsigned = find("int", "int").id, find("unsigned int", "int").id
    assert.same({name = "low", type = unsigned, offset = 0, bitfield_size = 3}, all.members[1])
    assert.same({name = "high", type = int, offset = 3, bitfield_size = 5}, all.members[2])
    assert.same({name = "color", type = find("color", "enum").id, offset = 32}, all.members[3])
    assert.same({name = "nameless", type = all.members[9].type, offset = 512}, all.members[9])
    assert.is_nil(types:type_by_id(all.members[9].type).name)
    local either = find("either", "union")
    assert.equal(8, either.size)
    assert.equal(0, either.members[2].offset)
  end)

  it("has pointers, arrays and what modifies", function()
    local all = find("all", "struct")
    local kinds, id = {}, all.members[6].type
    while types:type_by_id(id).type do
      kinds[#kinds + 1] = types:type_by_id(id).kind
      id = types:type_by_id(id).type
    end
    table.sort(kinds)
    assert.same({"const", "ptr", "volatile"}, kinds)
    assert.equal("long", types:type_by_id(id).name)
    local points = types:type_by_id(all.members[5].type)
    assert.equal("array", points.kind)
    assert.equal(2, points.nelems)
    assert.equal(3, types:type_by_id(points.type).nelems)
    assert.equal("int", types:type_by_id(points.index_type).kind)
  end)

  it("has functions, variables and sections", function()
    local lines = find("lines", "func")
    assert.equal("global", lines.linkage)
    local proto = types:type_by_id(lines.type)
    assert.equal("func_proto", proto.kind)
    assert.equal("int", types:type_by_id(proto.type).name)
    assert.equal(1, #proto.params)
    assert.equal("ctx", proto.params[1].name)
    assert.equal("void", types:type_by_id(types:type_by_id(proto.params[1].type).type).kind)
    local hidden = find("hidden", "var")
    assert.equal("static", hidden.linkage)
    assert.same({{type = hidden.id, offset = 0, size = 4}}, find(".data", "datasec").vars)
  end)

  it("has enums, floats, tags and what is declared only", function()
    local color = find("color", "enum")
    assert.same({{name = "RED", value = 0}, {name = "GREEN", value = 5}}, color.values)
    assert.equal(4, color.size)
    assert.equal(8, find("double", "float").size)
    assert.same({id = types:find_by_name("tagged"), kind = "decl_tag", name = "tagged",
      type = find("all", "struct").id, component_idx = -1, attribute = false},
      find("tagged", "decl_tag"))
    assert.equal("struct", find("later", "fwd").fwd_kind)
  end)

  it("resolves", function()
    local all = find("all", "struct")
    local point = find("point_t", "typedef")
    assert.equal(point.type, types:resolve_type(point.id))
    assert.equal(4, types:resolve_size(point.id))
    assert.equal(2, types:align_of(point.id))
    assert.equal(24, types:resolve_size(all.members[5].type))
    assert.equal(8, types:align_of(all.id))
    assert.equal(8, types:pointer_size())
    local nothing, message, errno = types:resolve_size(find("lines", "func").id)
    assert.is_nil(nothing)
    assert.matches("^size of type %d+ of 'build/bpf/btf.bpf.o': Invalid argument", message)
    assert.equal(22, errno)
    assert.equal(22, select(3, types:resolve_type(0)))
    assert.equal(22, select(3, types:align_of(0)))
  end)

  it("finds nothing where nothing is, and refuses ids that cannot be", function()
    assert.equal("nil", tostring(types:find_by_name("nobody"))) -- a nil, and not nothing
    assert.is_nil(types:find_by_name_kind("all", "union"))
    assert.is_nil(types:type_by_id(types:type_cnt()))
    assert.same({id = 0, kind = "void"}, types:type_by_id(0))
    assert.is_nil(types:str_by_offset(2^31))
    assert.equal("", types:str_by_offset(0))
    assert.error_matches(function()
      types:resolve_size(types:type_cnt())
    end, "is not in 0 to " .. types:type_cnt() - 1)
    assert.error_matches(function()
      types:find_by_name_kind("all", "klass")
    end, "has no BTF kind 'klass'")
  end)

  it("goes through all types", function()
    local id = 0
    for t in types:each_type() do
      id = id + 1
      assert.equal(id, t.id)
      assert.same(t, types:type_by_id(id))
    end
    assert.equal(types:type_cnt() - 1, id)
  end)

  it("ends with close, also for who stands on it", function()
    local more = assert(lbpf.btf_new_empty(types))
    assert.equal(types, more:base_btf())
    assert.is_nil(types:base_btf())
    assert.is_true(types:close())
    assert.is_true(types:close())
    assert.error_matches(function()
      types:type_cnt()
    end, "BTF 'build/bpf/btf.bpf.o' is closed")
    assert.error_matches(function()
      more:type_cnt()
    end, "BTF 'build/bpf/btf.bpf.o' is closed")
    assert.equal("lbpf.btf: build/bpf/btf.bpf.o (closed)", tostring(types))
  end)

  it("that is an object's ends with it, and cannot be set", function()
    local obj = assert(lbpf.open(path))
    local its = obj:btf()
    assert.error_matches(function()
      its:set_pointer_size(4)
    end, "cannot change: it is its object's")
    obj:close()
    assert.error_matches(function()
      its:type_cnt()
    end, "object 'build/bpf/btf.bpf.o' is closed")
    its:close()
  end)

  it("can be told its bytes' order, and how long pointers are", needs("little endian", function()
    assert.equal("little", types:endianness())
    local little = types:raw_data()
    assert.equal(types, types:set_endianness("big"))
    assert.equal("big", types:endianness())
    local big = types:raw_data()
    assert.equal("\235\159", big:sub(1, 2))
    local read = assert(lbpf.btf_new(big))
    assert.same(types:type_by_id(11), read:type_by_id(11))
    assert.equal("big", read:endianness())
    assert.equal(little, read:set_endianness("little"):raw_data())
    local pointer = types:type_by_id(types:find_by_name("all")).members[8].type
    assert.equal(8, types:resolve_size(pointer))
    assert.equal(4, types:set_pointer_size(4):resolve_size(pointer))
    assert.has_error(function()
      types:set_pointer_size(5)
    end)
  end))
end)

describe("BTF by hand", function()
  it("may have kinds that an old compiler does not write", needs("64 bits", function()
    local b = btf.new()
    local int = b:int("int", 4, 1)
    local tag = b:add("type_tag", "user", int)
    b:add("ptr", nil, tag)
    local big = b:add("enum64", "big", 8,
      {"MAX", 0xffffffff, 0xffffffff, "HIGH", 1, 0x80000000}, 2)
    local small = b:add("enum64", "small", 8, {"LEAST", 0, 0x80000000, "MINUS", -2, -1}, 2, true)
    local sign = b:add("enum", "sign", 4, {"MINUS_ONE", -1}, 1, true)
    local plain = b:add("enum", "plain", 4, {"ALL", -1}, 1)
    local fwd = b:add("fwd", "u", 0, {}, 0, true)
    local extern = b:add("var", "elsewhere", int, {2})
    local component = b:add("decl_tag", "note", sign, {3}, 0, true)
    local types = assert(lbpf.btf_new(b:bytes()))

    assert.same({id = tag, kind = "type_tag", name = "user", type = int, attribute = false},
      types:type_by_id(tag))
    local values = types:type_by_id(big).values
    if math.type then
      assert.same({{name = "MAX", value = -1}, {name = "HIGH", value = math.mininteger + 1}},
        values)
    else
      assert.equal("18446744073709551615ULL", tostring(values[1].value))
      assert.equal("9223372036854775809ULL", tostring(values[2].value))
    end
    values = types:type_by_id(small).values
    assert.is_true(types:type_by_id(small).signed)
    assert.equal("-9223372036854775808", decimal(values[1].value))
    assert.equal("-2", decimal(values[2].value))
    assert.same({{name = "MINUS_ONE", value = -1}}, types:type_by_id(sign).values)
    assert.same({{name = "ALL", value = 0xffffffff}}, types:type_by_id(plain).values)
    assert.equal("union", types:type_by_id(fwd).fwd_kind)
    assert.equal("extern", types:type_by_id(extern).linkage)
    local note = types:type_by_id(component)
    assert.equal(3, note.component_idx)
    assert.is_true(note.attribute)
  end))

  it("stands on other BTF", function()
    local b = btf.new()
    local int = b:int("int", 4, 1)
    local base = assert(lbpf.btf_new(b:bytes()))
    local s = btf.new(b)
    local pair = s:struct("pair", 8, {{"a", int, 0}, {"b", int, 32}})
    assert.equal(2, pair)
    local split = assert(lbpf.btf_new(s:bytes(), base))
    assert.equal(3, split:type_cnt())
    assert.equal(base, split:base_btf())
    assert.equal(pair, split:find_by_name("pair"))
    assert.equal(int, split:find_by_name("int"))
    assert.equal("a", split:name_by_offset(s.offset))
    assert.equal("int", split:str_by_offset(1))
    local own = {}
    for t in split:each_type() do
      own[#own + 1] = t.name
    end
    assert.same({"pair"}, own)
    -- the base goes when the last that stands on it has gone, whatever Lua collects first
    base = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.equal("int", split:type_by_id(int).name)
  end)

  it("may be empty", needs("little endian", function()
    local types = assert(lbpf.btf_new_empty())
    assert.equal(1, types:type_cnt())
    assert.equal("\159\235\1\0", types:raw_data():sub(1, 4))
    assert.is_nil(types:fd())
    for _ in types:each_type() do
      error("a type of nothing")
    end
  end))
end)
