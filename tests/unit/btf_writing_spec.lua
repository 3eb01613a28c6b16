-- BTF that is written from Lua: types, copies of them, deduplication, bases.
local lbpf = require "lbpf"
local needs = require "needs"

local function empty(base)
  return assert(lbpf.btf_new_empty(base))
end

-- A type without its id.
local function read(types, id)
  local t = assert(types:type_by_id(id))
  t.id = nil
  return t
end

local function c(types)
  return (assert(types:dump_c()):gsub("^.-\n#endif\n\n", ""):gsub("#ifndef BPF_NO.*", ""))
end

describe("types are added", function()
  local types, int

  before_each(function()
    types = empty()
    int = types:add_int("int", 4, "signed")
  end)

  it("and are what C would declare", function()
    local point = types:add_struct("point", 8)
    assert.equal(types, types:add_field("x", int, 0):add_field("y", int, 32))
    local either = types:add_union("either", 8)
    types:add_field("p", point, 0):add_field("low", int, 0, 3)
    local color = types:add_enum("color", 4)
    assert.equal(types, types:add_enum_value("RED", 0):add_enum_value("BLUE", -5))
    local proto = types:add_func_proto(int)
    assert.equal(types, types:add_func_param("color", color):add_func_param(nil, 0))
    local double = types:add_float("double", 8)
    local word = types:add_typedef("word", types:add_volatile(int))
    local all = types:add_struct("all", 56)
    local after = all + 1 -- what comes next
    types:add_field("array", after, 0):add_field("next", after + 1, 128)
    types:add_field("call", after + 2, 192):add_field("d", double, 256)
    types:add_field("w", after + 3, 320):add_field("later", after + 5, 384)
    types:add_array(int, either, 2)
    types:add_ptr(all)
    types:add_ptr(proto)
    types:add_const(word)
    types:add_fwd("unseen", "struct")
    types:add_ptr(after + 4)
    local text = c(types)
    for _, part in ipairs({"struct point {\n\tint x;\n\tint y;\n};",
      "union either {\n\tstruct point p;\n\tint low: 3;\n};",
      "enum color {\n\tRED = 0,\n\tBLUE = -5,\n};", "\tunion either array[2];\n",
      "\tstruct all *next;\n", "\tint (*call)(enum color color, ...);\n", "\tdouble d;\n",
      "typedef volatile int word;\n", "\tconst word w;\n", "\tstruct unseen *later;\n"}) do
      assert.is_truthy(text:find(part, 1, true), part .. " is not in\n" .. text)
    end
  end)

  it("with all that their kinds have", function()
    local wide = types:add_enum64("wide", 8, true)
    types:add_enum64_value("MIN", "-9223372036854775808")
    assert.equal(true, read(types, wide).signed)
    assert.equal("-9223372036854775808", (tostring(read(types, wide).values[1].value)
      :gsub("LL$", ""):gsub("^%-9.2233720368548e%+18$", "-9223372036854775808")))
    local proto = types:add_func_proto(0)
    for i, linkage in ipairs({"static", "global", "extern"}) do
      assert.same({kind = "func", name = "f" .. i, type = proto, linkage = linkage},
        read(types, types:add_func("f" .. i, linkage, proto)))
      assert.same({kind = "var", name = "v" .. i, type = int, linkage = linkage},
        read(types, types:add_var("v" .. i, linkage, int)))
    end
    local var = types:type_cnt() - 1
    local section = types:add_datasec(".bss", 16)
    types:add_datasec_var_info(var, 8, 4)
    assert.same({kind = "datasec", name = ".bss", size = 16,
      vars = {{type = var, offset = 8, size = 4}}}, read(types, section))
    assert.same({kind = "decl_tag", name = "hot", type = var, component_idx = -1,
      attribute = false}, read(types, types:add_decl_tag("hot", var)))
    assert.equal(3, read(types, types:add_decl_tag("hot", proto, 3)).component_idx)
    assert.same({kind = "type_tag", name = "user", type = int, attribute = false},
      read(types, types:add_type_tag("user", int)))
    assert.same({kind = "restrict", type = var}, read(types, types:add_restrict(var)))
    assert.equal("union", read(types, types:add_fwd("u", "union")).fwd_kind)
    assert.equal("enum", read(types, types:add_fwd("e", "enum")).kind)
    assert.is_true(read(types, types:add_int("bool", 1, "bool")).bool)
    assert.is_true(read(types, types:add_int("char", 1, "char")).char)
    assert.is_false(read(types, types:add_int("u128", 16)).signed)
  end)

  it("with attributes", needs("libbpf 1.6", function()
    assert.is_true(read(types, types:add_type_attr("x", int)).attribute)
    local s = types:add_struct("s", 0)
    assert.is_true(read(types, types:add_decl_attr("y", s)).attribute)
  end))

  -- The length of the layout, which is the last of the header's numbers.
  local function layout_size(of)
    local low, high = of:raw_data():byte(29, 30)
    return low + 256 * high
  end

  it("with a layout", needs({"libbpf 1.8", "little endian"}, function()
    local described = assert(lbpf.btf_new_empty(nil, {add_layout = true}))
    assert.equal(1, described:add_int("int", 4, "signed"))
    assert.is_true(layout_size(described) > 0)
    assert.equal(0, layout_size(types))
    assert.equal(0, layout_size(assert(lbpf.btf_new_empty(nil, {add_layout = false}))))
    local back = assert(lbpf.btf_new(described:raw_data()))
    assert.same(described:type_by_id(1), back:type_by_id(1))
    assert.equal(layout_size(described), layout_size(back))
    local split = assert(lbpf.btf_new_empty(described, {add_layout = true}))
    assert.equal(2, split:add_ptr(1))
    assert.equal("int", split:type_by_id(1).name)
  end))

  it("and are read back from their bytes", function()
    types:add_struct("s", 4)
    types:add_field("m", int, 0)
    local back = assert(lbpf.btf_new(types:raw_data()))
    assert.same(types:type_by_id(2), back:type_by_id(2))
    assert.equal(types, types:set_endianness("big"))
    assert.equal("\235\159", types:raw_data():sub(1, 2))
  end)

  it("to others that were read", function()
    local back = assert(lbpf.btf_new(types:raw_data()))
    assert.equal(2, back:add_ptr(1))
    assert.equal("ptr", back:type_by_id(2).kind)
  end)

  it("and their strings once", function()
    local offset = types:add_str("a string")
    assert.equal(offset, types:add_str("a string"))
    assert.equal(offset, types:find_str("a string"))
    assert.equal("a string", types:str_by_offset(offset))
    assert.is_nil(types:find_str("another"))
  end)

  it("or refused: what no type has", function()
    local function refused(message, method, ...)
      local ok, text = pcall(types[method], types, ...)
      assert.is_false(ok)
      assert.matches(message, text, 1, true)
    end
    refused("expected a name, not ''", "add_int", "", 4)
    refused("a name must not contain zero bytes", "add_int", "a\0b", 4)
    refused("the size must be a power of 2", "add_int", "i", 3)
    refused("32 is not in 1 to 16", "add_int", "i", 32)
    refused("invalid option 'octal'", "add_int", "i", 4, "octal")
    refused("floating point numbers have 2, 4, 8, 12 or 16 bytes", "add_float", "f", 6)
    refused("-1 is not in 0 to 2147483647", "add_ptr", -1)
    refused("string expected, got nil", "add_typedef", nil, int)
    refused("invalid option 'class'", "add_fwd", "f", "class")
    refused("invalid option 'inline'", "add_func", "f", "inline", 1)
    refused("add_field: the last type is no struct or union", "add_field", "m", int, 0)
    refused("add_enum_value: the last type is no enum", "add_enum_value", "V", 0)
    refused("add_enum64_value: the last type is no enum64", "add_enum64_value", "V", 0)
    refused("add_func_param: the last type is no type of functions", "add_func_param", "p", int)
    refused("the last type is no section of variables", "add_datasec_var_info", int, 0, 4)
    types:add_union("u", 4)
    refused("fields of a union must start at 0", "add_field", "m", int, 8)
    types:add_struct("s", 4)
    refused("only a bitfield may start inside of a byte", "add_field", "m", int, 3)
    refused("a bitfield must start below 16777216", "add_field", "m", int, 16777216, 3)
    refused("256 is not in 0 to 255", "add_field", "m", int, 0, 256)
    types:add_enum("e", 4)
    refused("4294967296 is not in -2147483648 to 4294967295", "add_enum_value", "V", 4294967296)
    refused("-2 is not in -1 to 65534", "add_decl_tag", "t", int, -2)
    assert.equal(5, types:type_cnt())
  end)

  it("with as many parts as a type can have", function()
    types:add_enum("e", 4)
    for i = 1, 65535 do
      types:add_enum_value("V", i)
    end
    assert.error_matches(function() types:add_enum_value("V", 0) end,
      "the last type has 65535 already, and can have no more")
    assert.equal(65535, types:type_by_id(2).values[65535].value)
  end)
end)

describe("types are copied", function()
  local from, types

  before_each(function()
    from, types = empty(), empty()
    from:add_struct("s", 4)
    from:add_field("m", 2, 0)
    from:add_int("int", 4)
  end)

  it("one by one, references as they are", function()
    assert.equal(1, types:add_type(from, 2))
    assert.same(read(from, 2), read(types, 1))
    assert.equal(2, types:add_type(from, 1))
    assert.equal(2, types:type_by_id(2).members[1].type)
  end)

  it("all at once, to other ids", function()
    types:add_float("double", 8)
    assert.equal(2, types:add_btf(from))
    assert.equal(3, types:type_by_id(2).members[1].type)
    assert.equal("int", types:type_by_id(3).name)
  end)

  it("from other, valid BTF", function()
    assert.error_matches(function() types:add_btf(types) end, "these are its own types")
    assert.error_matches(function() types:add_type(from, 0) end, "0 is void, which all BTF has")
    assert.error_matches(function() types:add_type(from, 3) end, "#2 to 'add_type'")
    assert.error_matches(function() empty(from):add_type(from, 1) end, "these are its own types")
    from = empty()
    from:add_ptr(9)
    assert.error_matches(function() types:add_btf(from) end,
      "BTF 'empty' is not complete: BTF type 1 refers to missing type 9")
  end)
end)

describe("dedup", function()
  local types

  before_each(function()
    types = empty()
    for _ = 1, 2 do
      local int = types:add_int("int", 4)
      types:add_struct("s", 8)
      types:add_field("m", int, 0)
      types:add_ptr(int + 1)
    end
  end)

  it("leaves one of what is equal", function()
    assert.equal(7, types:type_cnt())
    assert.equal(types, types:dedup())
    assert.equal(4, types:type_cnt())
    assert.equal(types, types:dedup({force_collisions = true}))
    assert.equal(4, types:type_cnt())
  end)

  it("changes what .BTF.ext refers to", needs("little endian", function()
    local proto = types:add_func_proto(1)
    local func = types:add_func("f", "global", proto)
    local ext = assert(lbpf.btf_ext_new(types:ext_data {
      func_info = {{section = "xdp", offset = 0, type = func}}}))
    assert.equal(types, types:dedup({btf_ext = ext}))
    assert.equal(func - 3, types:find_by_name("f"))
    assert.equal(func - 3, ext:raw_data():byte(-4))
    local other = assert(lbpf.btf_ext_new((ext:raw_data():gsub("....$", "\99\0\0\0"))))
    assert.error_matches(function() types:dedup({btf_ext = other}) end,
      "option 'btf_ext' refers to other BTF")
    other:close()
    assert.error_matches(function() types:dedup({btf_ext = other}) end, "is closed")
    assert.error_matches(function() types:dedup({btf_ext = types}) end, "lbpf.btf_ext expected")
  end))

  it("needs no more stack than there is", function()
    types = empty()
    for _ = 1, 2 do
      local first = types:type_cnt()
      for i = 0, 49999 do
        types:add_struct("s" .. i, 8)
        types:add_field("next", first + 2 * i + 1, 0)
        types:add_ptr(i < 49999 and first + 2 * i + 2 or 0)
      end
    end
    assert.equal(types, types:dedup())
    assert.equal(100001, types:type_cnt())
  end)
end)

describe("permute", function()
  it("puts types in another order", needs("libbpf 1.7", function()
    local types = empty()
    types:add_int("a", 4)
    types:add_ptr(1)
    assert.equal(types, types:permute({2, 1}))
    assert.same({"ptr", 2}, {types:type_by_id(1).kind, types:type_by_id(1).type})
    assert.error_matches(function() types:permute({1}) end, "expected an id for each type")
    assert.error_matches(function() types:permute({1, 3}) end, "bad argument")
    assert.equal(22, select(3, types:permute({1, 1})))
  end))
end)

describe("BTF on top of other BTF", function()
  local base, split

  before_each(function()
    base = empty()
    base:add_int("int", 4)
    split = empty(base)
    split:add_ptr(1)
  end)

  it("goes on where its base ends", function()
    assert.equal(base, split:base_btf())
    assert.same({kind = "ptr", type = 1}, read(split, 2))
    assert.equal(base:find_by_name("int"), split:find_by_name("int"))
  end)

  it("keeps its base as it is", function()
    assert.error_matches(function() base:add_ptr(1) end,
      "BTF 'empty' cannot change: there is BTF on top of it")
    split = nil
    collectgarbage()
    collectgarbage()
    assert.equal(2, base:add_ptr(1))
  end)

  it("is put on another base", needs("libbpf 1.5", function()
    local s = split:add_struct("mine", 4)
    split:add_field("i", 1, 0)
    local small, on_it = split:distill_base()
    assert.equal(small, on_it:base_btf())
    local other = empty()
    other:add_float("double", 8)
    other:add_int("int", 4)
    assert.equal(on_it, on_it:relocate(other))
    assert.equal(other, on_it:base_btf())
    assert.equal(2, on_it:type_by_id(on_it:find_by_name("mine")).members[1].type)
    assert.equal(s + 1, on_it:find_by_name("mine"))
    assert.error_matches(function() other:add_ptr(1) end, "there is BTF on top of it")
    assert.equal(2, small:add_ptr(1)) -- nothing stands on it any more
    assert.error_matches(function() other:distill_base() end, "it has no base")
    assert.error_matches(function() on_it:relocate(on_it) end, "it has a base itself")
    local none, message, errno = select(2, on_it:distill_base()):relocate(empty())
    assert.is_nil(none)
    assert.equal(22, errno)
    assert.matches("^relocate: BTF '.*is not mapped to base BTF id", message)
  end))
end)

describe(".BTF.ext", function()
  it("has a byte order", needs("libbpf 1.5", function()
    local types = empty()
    local ext = assert(lbpf.btf_ext_new(types:ext_data {line_info = {{section = "xdp"}}}))
    assert.equal("little", ext:endianness())
    assert.equal(ext, ext:set_endianness("big"))
    assert.equal("\235\159", ext:raw_data():sub(1, 2))
    assert.error_matches(function() types:dedup({btf_ext = ext}) end, "another byte order")
  end))

  it("is refused if it is none", function()
    for _, bytes in ipairs({"", "\159\235\1\0", ("\0"):rep(64)}) do
      local ext, message, errno = lbpf.btf_ext_new(bytes)
      assert.is_nil(ext)
      assert.matches("^make BTF%.ext: ", message)
      assert.equal(22, errno)
    end
  end)
end)

describe("what libbpf 1.1 does not have", function()
  it("is refused with the version that has it", function()
    local types = empty()
    local int = types:add_int("int", 4)
    local ext = assert(lbpf.btf_ext_new(types:ext_data {line_info = {{section = "xdp"}}}))
    for _, case in ipairs({
      {"1.6", types, "add_type_attr", "x", int}, {"1.6", types, "add_decl_attr", "x", int},
      {"1.7", types, "permute", {int}}, {"1.5", types, "distill_base"},
      {"1.5", types, "relocate", types}, {"1.5", ext, "endianness"},
      {"1.5", ext, "set_endianness", "big"},
    }) do
      if not needs.met("libbpf " .. case[1]) then
        local result, message, errno = case[2][case[3]](case[2], case[4], case[5])
        assert.is_nil(result)
        assert.matches(case[3] .. " needs libbpf " .. case[1], message, 1, true)
        assert.equal(95, errno)
      end
    end
  end)
end)
