-- Integers as arguments and options, on every Lua: exact, or an error that shows them.
local lbpf = require "lbpf"
local needs = require "needs"

local maps = "build/bpf/maps.bpf.o"

-- An expression that this Lua may not be able to read: 64-bit cdata of LuaJIT.
local function cdata(expression)
  return assert(loadstring("return " .. expression))()
end

describe("an option of 32 bits", function()
  local function set(value)
    local ok, result = pcall(lbpf.open, maps, {kernel_log_level = value})
    return ok and result ~= nil, result
  end

  it("takes integers, also in a float or a string", function()
    for _, value in ipairs({0, 1, 4294967295, 2 ^ 31, "0", "15", "0xffffffff", "0XfF",
      "4294967295"}) do
      assert.is_true(set(value))
    end
  end)

  it("refuses what is out of range", function()
    for _, value in ipairs({-1, 4294967296, 2 ^ 63, -2 ^ 63, "-1", "4294967296",
      "18446744073709551615"}) do
      local ok, message = set(value)
      assert.is_false(ok)
      assert.matches("option 'kernel_log_level' is out of range", message, 1, true)
    end
  end)

  it("refuses what is not an integer, and shows it", function()
    local inf = math.huge
    for value, shown in pairs({
      [0.5] = "0.5)", [-1.5] = "-1.5)", [inf] = "inf)", [-inf] = "-inf)",
      [2 ^ 64] = "1.844674407", [-2 ^ 65] = "-3.68934881", [""] = "'')", x = "'x')",
      ["1.0"] = "'1.0')", [" 1"] = "' 1')", ["1 "] = "'1 ')", ["1e3"] = "'1e3')",
      ["0x"] = "'0x')", ["0xg"] = "'0xg')", ["--1"] = "'--1')", ["+1"] = "'+1')",
      ["18446744073709551616"] = "'18446744073709551616')",
      ["-9223372036854775809"] = "'-9223372036854775809')", ["1\0"] = "a string of 2 bytes)",
      ["1L"] = "'1L')", [("9"):rep(33)] = "a string of 33 bytes)",
      [true] = "boolean)", [print] = "function)",
    }) do
      local ok, message = set(value)
      assert.is_false(ok)
      assert.matches("option 'kernel_log_level' must be an integer, not " .. shown,
        message, 1, true)
    end
    local ok, message = set(0 / 0)
    assert.is_false(ok)
    assert.matches("must be an integer, not %-?nan", message)
  end)
end)

describe("an argument", function()
  local function set(value)
    local program = assert(lbpf.open("build/bpf/programs.bpf.o")).progs.first
    local ok, message = pcall(function()
      program:set_log_level(value)
    end)
    return ok and program:log_level() or message
  end

  it("takes integers, also in a float or a string", function()
    assert.equal(0, set(0))
    assert.equal(0, set(-0.0))
    assert.equal(0, set("-0"))
    assert.equal(7, set(7))
    assert.equal(7, set(7.0))
    assert.equal(7, set("7"))
    assert.equal(4294967295, set("0xffffffff"))
  end)

  it("refuses the rest, and shows it", function()
    for value, message in pairs({
      [-1] = "-1 is not in 0 to 4294967295",
      [2 ^ 32] = "4294967296 is not in 0 to 4294967295",
      [0.25] = "expected an integer, got 0.25",
      ["7.0"] = "expected an integer, got '7.0'",
      [true] = "expected an integer, got boolean",
    }) do
      assert.matches("bad argument #1 to 'set_log_level' (" .. message .. ")", set(value), 1, true)
    end
    assert.matches("expected an integer, got nil", set(nil), 1, true)
  end)

  it("takes no table", function()
    assert.matches("got table", set({}), 1, true)
  end)

  it("takes LuaJIT's 64-bit integers", needs("jit", function()
    assert.equal(7, set(cdata("7LL")))
    assert.equal(7, set(cdata("7ULL")))
    assert.matches("-1 is not in 0 to 4294967295", set(cdata("-1LL")), 1, true)
    assert.matches("expected an integer, got cdata", set(cdata("7i")), 1, true)
    assert.matches("got cdata", set(cdata("require('ffi').new('int[1]')")), 1, true)
    assert.matches("got cdata", set(cdata("require('ffi').new('double', 7)")), 1, true)
  end))
end)

describe("a descriptor", function()
  it("may be a file of Lua's, while that is open", function()
    local pipe, poller = assert(io.popen("echo line")), assert(lbpf.poller())
    assert.equal(poller, poller:add(pipe))
    assert.equal(1, #poller:wait(10))
    pipe:close()
    local other = assert(io.popen("echo line")) -- whose FILE may be where the closed one's was
    assert.error_matches(function() poller:add(pipe) end,
      "expected a file descriptor, or an object that has one, got userdata")
    other:close()
    poller:close()
  end)
end)
