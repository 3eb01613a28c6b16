-- Types written in C, and values of types.
local btf = require "btf"
local lbpf = require "lbpf"
local needs = require "needs"

local path = "build/bpf/btf.bpf.o"

local function load(b)
  return assert(lbpf.btf_new(b:bytes()))
end

local function u32(n)
  return string.char(n % 256, math.floor(n / 256) % 256, 0, 0)
end

describe("a dump", function()
  local types, dump

  local function id(name, kind)
    return assert(types:find_by_name_kind(name, kind))
  end

  before_each(function()
    types = assert(lbpf.btf_parse(path))
    dump = assert(lbpf.btf_dump(types))
  end)

  it("has a name until it is closed", function()
    assert.equal("lbpf.btf_dump: " .. path, tostring(dump))
    dump:close()
    assert.equal("lbpf.btf_dump: (closed)", tostring(dump))
  end)

  it("writes a type after what it needs, once", function()
    local text = dump:dump_type(id("all", "struct"))
    assert.matches("enum color {\n\tRED = 0,\n\tGREEN = 5,\n};", text)
    assert.matches("typedef struct {\n\tshort x;\n\tshort y;\n} point_t;", text)
    assert.matches("struct all {\n\tunsigned int low: 3;\n\tint high: 5;\n", text)
    assert.matches("\tpoint_t points%[2%]%[3%];\n\t%a+ %a+ long %*pointer;\n", text)
    assert.is_true(text:find("enum color", 1, true) < text:find("struct all {", 1, true))
    assert.equal("", dump:dump_type(id("all", "struct")))
    assert.equal("", dump:dump_type(id("color", "enum")))
  end)

  it("writes declarations, with every option", function()
    local point, all = id("point_t", "typedef"), types:type_by_id(id("all", "struct"))
    assert.equal("point_t", dump:emit_type_decl(point))
    assert.equal("point_t where", dump:emit_type_decl(point, {field_name = "where"}))
    local pointer, nameless = all.members[6].type, all.members[9].type
    assert.matches("^%a+ %a+ long %*p$", dump:emit_type_decl(pointer, {field_name = "p"}))
    assert.equal("long *p", dump:emit_type_decl(pointer, {field_name = "p", strip_mods = true}))
    assert.equal("struct {\n\tchar letter;\n}", dump:emit_type_decl(nameless))
    assert.equal("struct {\n\t\t\tchar letter;\n\t\t} x",
      dump:emit_type_decl(nameless, {indent_level = 2, field_name = "x"}))
    local nothing, message, errno = dump:emit_type_decl(id("lines", "func"))
    assert.is_nil(nothing)
    assert.matches("C has no such type", message)
    assert.equal(22, errno)
    assert.error_matches(function()
      dump:emit_type_decl(point, {indent_level = -1})
    end, "option 'indent_level' is out of range")
    assert.error_matches(function()
      dump:emit_type_decl(point, {name = "x"})
    end, "unknown option 'name'; expected one of: field_name, indent_level, strip_mods")
  end)

  it("writes values, with every option", needs("little endian", function()
    local point = id("point_t", "typedef")
    local data = "\1\0\0\0"
    assert.same({"(point_t){\n\t.x = (short)1,\n}", 4}, {dump:dump_type_data(point, data)})
    assert.equal("(point_t){\n\t.x = (short)1,\n\t.y = (short)0,\n}",
      (dump:dump_type_data(point, data, {emit_zeroes = true})))
    assert.equal("(point_t){.x = (short)1,}",
      (dump:dump_type_data(point, data, {compact = true})))
    assert.equal("{1,}",
      (dump:dump_type_data(point, data, {compact = true, skip_names = true})))
    assert.equal("--(point_t){\n----.x = (short)1,\n--}",
      (dump:dump_type_data(point, data, {indent_str = "--", indent_level = 1})))
    assert.equal("(enum color)GREEN",
      (dump:dump_type_data(id("color", "enum"), u32(5))))
    assert.equal("(enum color)77",
      (dump:dump_type_data(id("color", "enum"), u32(77))))
    assert.error_matches(function()
      dump:dump_type_data(point, data, {indent_str = (" "):rep(32)})
    end, "option 'indent_str' is too long")
    assert.equal(22, select(3, dump:dump_type_data(id("lines", "func"), data)))
  end))

  it("writes strings as strings", needs("libbpf 1.6", function()
    local either = types:type_by_id(id("either", "union"))
    assert.matches('"abc"', dump:dump_type_data(either.members[2].type, "abc\0\0\0\0\0",
      {emit_strings = true}))
  end))

  it("reads no further than the value", needs("little endian", function()
    local all = id("all", "struct")
    assert.equal(80, types:resolve_size(all))
    assert.error_matches(function()
      dump:dump_type_data(all, ("\1"):rep(79))
    end, "type %d+ of '" .. path .. "' has 80 bytes, not 79")
    local text, size = dump:dump_type_data(all, ("\1"):rep(80))
    assert.equal(80, size)
    assert.matches(".low = %(unsigned int%)0x1,", text)
  end))

  it("gives its text to a function", needs("little endian", function()
    local pieces = {}
    local other = assert(lbpf.btf_dump(types, function(text)
      pieces[#pieces + 1] = text
    end))
    assert.equal(other, other:dump_type(id("color", "enum")))
    assert.equal(other, other:emit_type_decl(id("point_t", "typedef")))
    assert.same({other, 4}, {other:dump_type_data(id("color", "enum"), u32(5))})
    assert.same({dump:dump_type(id("color", "enum")), "point_t", "(enum color)GREEN"}, pieces)
  end))

  it("lets through what its function raises, and goes on", function()
    local thrown, loud = {}, true
    local other = assert(lbpf.btf_dump(types, function()
      if loud then
        error(thrown)
      end
    end))
    local ok, raised = pcall(other.dump_type, other, id("color", "enum"))
    assert.is_false(ok)
    assert.equal(thrown, raised)
    loud = false
    assert.equal(other, other:dump_type(id("either", "union")))
  end)

  it("lets its function close it and the types", function()
    local other
    other = assert(lbpf.btf_dump(types, function()
      other:close()
      types:close()
    end))
    assert.equal(other, other:dump_type(id("color", "enum")))
    assert.error_matches(function()
      other:dump_type(1)
    end, "dump of '" .. path .. "' is closed")
    assert.error_matches(function()
      dump:dump_type(1)
    end, "BTF '" .. path .. "' is closed")
  end)

  it("of an object's types ends with the object", function()
    local obj = assert(lbpf.open(path))
    local its = assert(lbpf.btf_dump(obj:btf()))
    assert.equal("point_t", its:emit_type_decl(id("point_t", "typedef")))
    obj:close()
    assert.error_matches(function()
      its:dump_type(1)
    end, "object '" .. path .. "' is closed")
    its:close()
  end)
end)

describe("a header", function()
  it("has all types, and guards", function()
    local types = assert(lbpf.btf_parse(path))
    local text = assert(types:dump_c())
    assert.matches("^#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n", text)
    assert.matches("\nstruct all {\n.*\nenum sign {\n", text)
    assert.matches("\n#pragma clang attribute pop\n#endif\n\n#endif /%* __VMLINUX_H__ %*/\n$",
      text)
    local pieces = {}
    assert.equal(types, types:dump_c(function(piece)
      pieces[#pieces + 1] = piece
    end))
    assert.equal(text, table.concat(pieces))
    types:set_pointer_size(8) -- nothing is frozen afterwards
  end)

  it("of types on a base has what they need of it, and no more", function()
    local b = btf.new()
    local int = b:int("int", 4, 1)
    local used = b:struct("used", 4, {{"i", int, 0}})
    b:struct("unused", 4, {{"i", int, 0}})
    local s = btf.new(b)
    s:struct("own", 4, {{"u", used, 0}})
    local base = load(b)
    local text = assert(assert(lbpf.btf_new(s:bytes(), base)):dump_c())
    assert.matches("struct used {\n\tint i;\n};\n\nstruct own {\n\tstruct used u;\n};\n", text)
    assert.is_nil(text:find("unused"))
  end)

  it("raises what its function raises", function()
    local types = assert(lbpf.btf_parse(path))
    local thrown = {}
    local ok, raised = pcall(types.dump_c, types, function()
      error(thrown)
    end)
    assert.is_false(ok)
    assert.equal(thrown, raised)
    assert.error_matches(function()
      types:dump_c(function()
        types:close()
      end)
    end, "BTF '" .. path .. "' is closed")
  end)
end)
