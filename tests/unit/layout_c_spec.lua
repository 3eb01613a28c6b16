-- Declarations in C: what they mean, and what is wrong with them.
local lbpf = require "lbpf"

-- The codec of the last type that the text declares.
local function codec(text, base)
  local types, id = lbpf.layout(text, base)
  return assert(types:codec(id)), types
end

-- Where parts of a type are: {"a", 0, "b.c", 4, size of the whole}.
local function placed(text, expected)
  local c = codec(text)
  for part, offset in pairs(expected) do
    if part == "size" then
      assert.equal(offset, c:size(), text)
    elseif type(offset) == "table" then
      assert.same(offset, {c:offset(part)}, text .. part)
    else
      assert.equal(offset, (c:offset(part)), text .. part)
    end
  end
end

describe("declarations in C", function()
  it("place members as C does", function()
    placed("struct s { u8 a; u64 b; u16 c; };", {a = 0, b = 8, c = 16, size = 24})
    placed("struct s { u8 a; u64 b; u16 c; } __attribute__((packed));", {a = 0, b = 1, c = 9,
      size = 11})
    placed("struct __attribute__((__packed__)) s { char a; int b; };", {b = 1, size = 5})
    placed("struct s { char a; int b __attribute__((packed, aligned(2))); };", {b = 2, size = 6})
    placed("struct s { char a; } __attribute__((aligned(8)));", {size = 8})
    placed("struct s { char a; _Alignas(16) char b; };", {b = 16, size = 32})
    placed("typedef int low __attribute__((aligned(2))); struct s { char a; low b; };", {b = 2,
      size = 6})
    placed("struct s { char a; struct { short x; } in; union { int i; char c[5]; } u; };",
      {["in.x"] = 2, ["u.i"] = 4, ["u.c"] = 4, size = 12})
    placed("struct s { char a; struct { short x, y; }; union { int i; struct { char j; }; }; };",
      {x = 2, y = 4, i = 8, j = 8, size = 12})
    placed("struct s { int n[2][3]; char *p[2]; int (*fn)(int a, void *b); void (*fns[2])(void); }",
      {["n[2][3]"] = 20, ["p[2]"] = 32, fn = 40, fns = 48, size = 64})
    placed("struct s { char a; long double_[0]; u64 rest[]; };", {rest = 8, size = 8})
    placed("union u { u8 a; u32 b; u8 c[6]; };", {a = 0, b = 0, c = 0, size = 8})
    placed("struct s { __int128 a; long long unsigned int b; float f; double d; bool g; };",
      {b = 16, f = 24, d = 32, g = 40, size = 48})
    placed("const volatile struct s { unsigned const char a; } v;", {size = 1})
  end)

  it("place bit fields as C does", function()
    placed("struct s { u32 a : 3; u32 b : 30; u8 c : 4; };", {a = {0, 0, 3}, b = {4, 0, 30},
      c = {8, 0, 4}, size = 12})
    placed("struct s { u8 a : 3; u8 : 0; u8 b : 2; int : 4; char c; };", {b = {1, 0, 2}, c = 2,
      size = 3})
    placed("struct s { u32 a : 3; u32 b : 30; } __attribute__((packed));", {b = {0, 3, 30},
      size = 5})
    placed("struct s { bool a : 1, b : 1; enum { X, Y } e : 2; };", {b = {0, 1, 1}, e = {0, 2, 2},
      size = 4})
  end)

  it("have constants", function()
    placed([[
      #define BASE 4
      #define LENGTH (BASE * 2) /* eight */
      enum { ONE = 1, TWO, BIG = 1 << 4, CHAR = 'A', SUM = BIG | TWO, LAST = SUM > 3 ? 7 : 9 };
      struct s { char a[LENGTH]; char b[BIG - ONE]; char c[sizeof(u64) + sizeof(struct s *)];
        char d[LAST]; char e[CHAR]; char f[0x10 / 3 % 4]; };
    ]], {b = 8, c = 23, d = 39, e = 46, f = 111, size = 112})
  end)

  it("make enums of the size that their values need", function()
    local function size(text) return (codec(text):size()) end
    assert.equal(4, size "enum e { A, B = 0xffffffff };")
    assert.equal(4, size "enum e { A = -1, B = 0x7fffffff };")
    assert.equal(8, size "enum e { A = -1, B = 0x80000000 };")
    assert.equal(8, size "enum e { A = 1ULL << 63, B = 0xffffffffffffffff };")
    assert.equal(1, size "enum e { A, B = 255 } __attribute__((packed));")
    assert.equal(2, size "enum __attribute__((packed)) e { A = -1, B = 128 };")
    local types = lbpf.layout "struct s { enum e { A = -2, B } e; enum f { C = 1ULL << 63 } f; };"
    local c = types:codec("s", {enum_names = true})
    assert.same({e = "B", f = "C"}, c:decode(c:encode {e = "B", f = "C"}))
    assert.equal("\255\255\255\255", c:encode({e = "B"}):sub(1, 4))
  end)

  it("are read from headers as they are", function()
    local c, types = codec [[
      /* SPDX-License-Identifier: GPL-2.0 */
      #ifndef __TOOL_H
      #define __TOOL_H
      #include <linux/types.h> // not read
      #define MAX_SLOTS \
        26
      #define __tight __attribute__((packed))
      #ifdef __KERNEL__
      # error never
      typedef nothing here;
      #else
      typedef unsigned int my_u32;
      #endif
      struct hist {
        my_u32 slots[MAX_SLOTS];
        char comm[4];
      } __tight;
      int print_hist(const struct hist *hist, int);
      const struct hist *unused __attribute__((unused));
      enum { AFTER };
      #endif /* __TOOL_H */
    ]]
    assert.equal(8, c:size()) -- the last is a pointer
    assert.equal(108, types:codec("struct hist"):size())
    assert.equal(104, (types:codec("hist"):offset "comm"))
  end)

  it("use the names of other BTF, and the kernel's", function()
    local base = lbpf.layout [[
      struct inner { u8 a; u32 b : 5, c : 3; u64 d; enum color { RED = 1, BLUE = 12 } e; };
      typedef struct inner inner_t; union mine { double x; int *p[3]; };
      struct tight { u8 a; u64 b; } __attribute__((packed));
    ]]
    local c = codec("struct s { u8 x; inner_t i; struct inner j; union mine u; enum color e;"
      .. " char name[BLUE]; struct tight t; };", base)
    assert.equal(8, (c:offset "i.a"))
    assert.equal(33, (c:offset "j.b"))
    assert.equal(56, (c:offset "u"))
    assert.equal(80, (c:offset "e"))
    assert.equal(84, (c:offset "name"))
    assert.equal(97, (c:offset "t.b"))
    assert.equal(105 + 7, c:size())
  end)

  it("are refused with their place", function()
    for text, message in pairs {
      ["struct s { foo x; };"] = "layout:1:16: there is no type 'foo', neither in the layout nor",
      ["struct s {\n  u32 a;\n  struct no b;\n};"] = "layout:3:13: there is no type 'struct no'",
      ["struct s { u32 a; u32 a; };"] = "layout:1:23: there are two members 'a'",
      ["struct s { u32 a"] = "layout:1:17: expected ';', got 'the end'",
      ["struct s { u32 a[N]; };"] = "layout:1:18: there is no constant 'N'; the layout may have: "
        .. "enum { N = 16 };",
      ["int f(int x);"] = "layout: it declares no type",
      ["struct s { void v; };"] = "layout:1:17: there are no values of this type",
      ["struct s { int a : 33; };"] = "layout:1:16: the bit field is wider than its type",
      ["struct s { float a : 3; };"] = "layout:1:18: a bit field must be of an integer type",
      ["struct s { int a : 0; };"] = "layout:1:16: a bit field of 0 bits has no name",
      ["struct s { int a[-1]; };"] = "layout:1:18: the length of an array must be from 0 to",
      ["struct s { int a[1 << 30]; };"] = "layout:1:17: a type has 268435456 bytes at most",
      ["struct s { struct t { int x; }; };"] = "layout:1:12: this declares no member",
      ["struct s { int a; } __attribute__((mode(DI)));"] =
        "layout:1:36: the attribute 'mode' is not known here",
      ["struct s { int a; } __attribute__((aligned(3)));"] = "the alignment must be a power of 2",
      ["#if X\nint a;\n#endif"] = "layout:1:1: #if is not known here",
      ["#undef"] = "layout:1:1: #undef needs a name",
      ["#ifdef X\nint a;"] = "layout:1:1: #endif is missing",
      ["#define F(x) x\nint a[F(3)];"] =
        "layout:2:7: macros with arguments are not known here: 'F'",
      ["int a[2.5];"] = "layout:1:7: '2.5' is no integer",
      ["int a[1 / 0];"] = "layout:1:9: '/' has no result that is known here",
      ["enum e { A = 0x10000000000000000 };"] = "0x10000000000000000 does not fit into 64 bits",
      ["enum e { A = 0xffffffffffffffff, B };"] = "give this enumerator its value",
      ["unsigned float x;"] = "layout:1:1: no type 'unsigned float'",
      ["/* "] = "layout:1:1: this comment does not end",
      ["struct s { int $; };"] = "layout:1:16: expected a name, got '%$'",
      [""] = "layout: it declares no type",
      ["enum { };\1"] = "unexpected",
    } do
      local ok, problem = pcall(lbpf.layout, text)
      assert.is_false(ok, text)
      assert.matches(message:gsub("%(", "%%("), problem)
    end
    assert.matches("bad argument #1 to 'layout' %(expected declarations in C, got nil%)",
      select(2, pcall(lbpf.layout)))
  end)

  it("have ambiguous names of other BTF neither", function()
    local base = assert(lbpf.btf_new_empty())
    local int = base:add_int("int", 4, "signed")
    base:add_struct("twice", 4)
    base:add_field("a", int, 0)
    base:add_struct("twice", 8)
    base:add_field("b", int, 0)
    local ok, problem = pcall(lbpf.layout, "struct s { struct twice t; };", base)
    assert.is_false(ok)
    assert.matches("layout:1:%d+: there are 2 types 'struct twice': 2 %(struct, 4 bytes: a%)",
      problem)
  end)
end)
