-- The compiler's first phases: constants, tokens and trees; and texts that are none of Lua's.
local int64 = require "lbpf.compiler.int64"
local lexer = require "lbpf.compiler.lexer"
local parser = require "lbpf.compiler.parser"
local source = require "lbpf.compiler.source"

-- A tree as text.
local function show(node)
  if node.tag == "binary" then
    return ("(%s %s %s)"):format(show(node.left), node.op, show(node.right))
  elseif node.tag == "unary" then
    return ("(%s %s)"):format(node.op, show(node.operand))
  elseif node.tag == "field" then
    return show(node.base) .. "." .. node.name
  elseif node.tag == "index" then
    return ("%s[%s]"):format(show(node.base), show(node.key))
  elseif node.tag == "call" then
    local args = {}
    for i, arg in ipairs(node.args) do
      args[i] = show(arg)
    end
    return ("%s(%s)"):format(show(node.fn), table.concat(args, ", "))
  end
  return tostring(node.name or node.value or node.tag)
end

local function parse(text)
  return parser.program(source.new("test", text))
end

local function message_of(text)
  local ok, e = pcall(parse, text)
  assert.is_false(ok, text)
  return assert(source.message(e), e)
end

describe("a constant", function()
  local function bytes_of(text)
    return (int64.bytes(int64.parse(text)):gsub(".",
      function(c) return ("%02x"):format(c:byte()) end))
  end

  it("has 64 bits, on every Lua", function()
    assert.equal("ffffffffffffff7f", bytes_of "9223372036854775807")
    assert.equal("0000000000000080", bytes_of "-9223372036854775808")
    assert.equal("0100000000002000", bytes_of "9007199254740993")
    assert.equal("ffffffffffffffff", bytes_of "0xffffffffffffffff")
    assert.equal("efcdab8967452301", bytes_of "0xff0123456789abcdef")
    assert.equal("feffffffffffffff", bytes_of "-2")
    assert.is_nil(int64.parse "9223372036854775808")
  end)

  it("is folded where doubles are exact", function()
    assert.equal(12, int64.fold("*", 3, 4))
    assert.equal(2 ^ 40, int64.fold("<<", 1, 40))
    assert.is_nil(int64.fold("<<", 1, 60))
    assert.is_nil(int64.fold("*", 2 ^ 30, 2 ^ 30))
    assert.is_nil(int64.fold("//", -7, 2))
  end)
end)

describe("tokens", function()
  local function strings(text)
    local l, out = lexer.new(source.new("test", text)), {}
    repeat
      local token = l:next()
      out[#out + 1] = token.kind == "string" and token.value or nil
    until token.kind == "eof"
    return out
  end

  it("are strings of all kinds", function()
    assert.same({"a\n\t\"A\65\0z", "x]]y", "line\n", "\226\130\172", "ab"},
      strings [==["a\n\t\"\x41\065\0z" [=[x]]y]=] [[
line
]] '\u{20AC}' 'a\z
        b']==])
  end)

  it("are not in comments", function()
    assert.same({"b"}, strings "-- 'a'\n--[[ 'x'\n'y' ]] 'b' --[==[ 'c' ]] ]==]")
  end)
end)

describe("the parser", function()
  it("binds as Lua does", function()
    local cases = {
      ["a + b * c"] = "(a + (b * c))", ["a or b and c"] = "(a or (b and c))",
      ["not a == b"] = "((not a) == b)", ["-a * b"] = "((- a) * b)",
      ["a << 1 + 2"] = "(a << (1 + 2))", ["a | b ~ c & d"] = "(a | (b ~ (c & d)))",
      ["a - b - c"] = "((a - b) - c)", ["a < b == c"] = "((a < b) == c)",
      ["f(a.b[c], 'x').d"] = "f(a.b[c], x).d", ["~a // b % c"] = "(((~ a) // b) % c)",
      ["a.end.next"] = "a.end.next",
    }
    for text, tree in pairs(cases) do
      assert.equal(tree, show(parse("x = " .. text).body[1].values[1]))
    end
  end)

  it("says what to write instead, and where", function()
    local cases = {
      ["x = 1.5"] = "test:1:5: a BPF program has no fractions: '1.5'; use whole numbers, as in"
        .. " nanoseconds",
      ["\n  x = a / b"] = "test:2:9: '/' makes a fraction, which a BPF program does not have; '//'"
        .. " divides integers",
      ["for k, v in pairs(m) do end"] = "test:1:6: a BPF program has no iterators; use 'for i ="
        .. " first, last do'",
      ["if a then"] = "test:1:10: 'end' (to close 'if' in line 1) expected near 'the end'",
      ["x = 'a"] = "test:1:5: this string is not closed",
      ["p.x = 1"] = "test:1:3: a program reads the kernel's memory, and does not write it",
      ["a:b()"] = "test:1:2: a BPF program has no methods: f(x) instead of x:f()",
      ["goto x"] = "test:1:1: a BPF program has no goto; use while, for, if, break and return",
      ["function f() end"] = "test:1:1: functions of a program are local: 'local function f'",
      ["x = 9223372036854775808"] = "test:1:5: 9223372036854775808 does not fit into 64 bits,"
        .. " signed; write it in hexadecimal",
    }
    for text, message in pairs(cases) do
      assert.equal(message, message_of(text))
    end
  end)

  it("has an end for every text, and an error with a place", function()
    local good = [==[
      local a, b = 1, 0xff -- comment
      for i = 1, 10 do while a < b do a = a + i if a == 3 then break end end end
      local function f(x) return x and m[{x, "k"}] or -~x // 3 end
      repeat print(f(a), comm, str(args.filename, 16)) until not (a >= b)
      emit("x", {pid = pid, [[long]]}) ]==]
    local state = 42
    local function random(n)
      state = (state * 1103515245 + 12345) % 2147483648
      return math.floor(state / 65536) % n + 1
    end
    local pieces = {"(", ")", "end", "[[", "\"", "{", "}", "if", "function", "=", "..", "\0",
      "\255", "1e",
      "[=[", "--[[", "\\", "do", "not", ",", "local", "0x"}
    local failed = 0
    for _ = 1, 3000 do
      local text = good
      for _ = 1, random(4) do
        local at = random(#text)
        text = text:sub(1, at - 1) .. (random(2) == 1 and pieces[random(#pieces)] or "")
          .. text:sub(at + random(6) - 1)
      end
      local ok, e = pcall(parse, text)
      if not ok then
        failed = failed + 1
        assert.matches("^test:%d+:%d+: .", assert(source.message(e), tostring(e)))
      end
    end
    assert.is_true(failed > 1000)
  end)

  it("does not nest for ever", function()
    assert.matches("too many levels", message_of("x = " .. ("("):rep(10000)))
    assert.matches("too many levels", message_of(("do "):rep(10000)))
    assert.matches("too many levels", message_of("x = " .. ("not "):rep(10000) .. "a"))
    assert.matches("too long", message_of("x = " .. ("a + "):rep(10000) .. "a"))
    assert.matches("too long", message_of("x = a" .. (".b"):rep(10000)))
    assert.matches("too long", message_of(("if a then else"):rep(10000) .. "if a then end"))
  end)
end)
