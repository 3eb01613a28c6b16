-- Variables that are harder to reach: static, of functions, of the same name, bit fields, wide
-- integers, of an arena.
local lbpf = require "lbpf"
local needs = require "needs"

-- Compiled code takes over in LuaJIT after some rounds.
local ROUNDS = jit and 200 or 2 -- luacheck: globals jit

local function number(value)
  return tonumber((tostring(value):gsub("U?LL$", "")))
end

local function refused(message, fn)
  local ok, got = pcall(fn)
  assert.is_false(ok)
  assert.truthy(got:find(message, 1, true), got)
end

describe("static variables", function()
  it("are read and written, although their map is not mapped", needs("root", function()
    local object = assert(lbpf.open("build/bpf/variables.bpf.o"))
    object.vars.step = 5
    object.vars.label = "before"
    assert(object:load())
    local vars = object.vars
    for i = 1, ROUNDS do
      assert(object.progs.count:test_run())
      assert.equal(5 * i, number(vars.hits))
      assert.equal(40 + i, vars.seed)
      assert.equal("before", vars.label)
    end
    vars.seed = 7
    vars.label = "after"
    assert(object.progs.count:test_run())
    assert.equal(8, vars.seed)
    assert.equal("after", vars.label)
    assert.equal(5, vars.step)
    refused("variable 'step' is constant: assign it before the load", function() vars.step = 1 end)
    object:close()
    refused("is closed", function() return vars.seed end)
  end))

  it("of functions have the function's name", needs("root", function()
    local object = assert(lbpf.open("build/bpf/variables.bpf.o"))
    assert.equal(10, number(object.vars["one.calls"]))
    assert.equal(20, number(object.vars["two.calls"]))
    assert(object:load())
    object.vars["two.calls"] = 30
    assert(object.progs.one:test_run())
    assert(object.progs.two:test_run())
    assert.equal(11, number(object.vars["one.calls"]))
    assert.equal(31, number(object.vars["two.calls"]))
    refused("has no variable 'calls'; there are: ", function() return object.vars.calls end)
    refused("one.calls", function() return object.vars.calls end)
    object:close()
  end))
end)

describe("bit fields of variables", function()
  it("are read and written", needs("root", function()
    local object = assert(lbpf.open("build/bpf/mapped.bpf.o"))
    local function check(a, b, c, d)
      local vars = object.vars
      assert.same({a, b, c, d}, {vars["flags.a"], vars["flags.b"], vars["flags.c"],
        number(vars["flags.d"])})
      assert.equal(7, vars["flags.rest"])
    end
    check(5, -6, true, 0x123456789a)
    object.vars["flags.a"] = 2
    check(2, -6, true, 0x123456789a)
    assert(object:load())
    for _ = 1, ROUNDS do
      check(2, -6, true, 0x123456789a)
    end
    object.vars["flags.b"] = -2048
    object.vars["flags.c"] = false
    object.vars["flags.d"] = 1
    check(2, -2048, false, 1)
    assert(object.progs.change:test_run())
    check(2, -2047, false, 1)
    object.vars["several[2].b"] = 5
    assert.equal(5, object.vars.several[2].b)
    assert.equal(0, object.vars["several[1].b"])
    refused("flags.a: the integer does not fit", function() object.vars["flags.a"] = 8 end)
    refused("there is no 'flags.z'; it has: a, b, c, d, rest",
      function() return object.vars["flags.z"] end)
    refused("there is no 'several[3].b': '[3].b' leads nowhere",
      function() return object.vars["several[3].b"] end)
    object:close()
  end))
end)

describe("integers of 128 bits", function()
  it("are bytes, and take integers", needs("root", function()
    local object = assert(assert(lbpf.open("build/bpf/mapped.bpf.o")):load())
    assert.equal("\5" .. ("\0"):rep(15), object.vars.wide)
    assert.equal("\16\15\14\13\12\11\10\9\8\7\6\5\4\3\2\1", object.vars.large)
    object.vars.wide = 0
    assert(object.progs.change:test_run())
    assert.equal(("\255"):rep(16), object.vars.wide)
    object.vars.wide = -2
    assert.equal("\254" .. ("\255"):rep(15), object.vars.wide)
    object.vars.large = ("x"):rep(16)
    assert.equal(("x"):rep(16), object.vars.large)
    object:close()
  end))
end)

describe("all variables", function()
  it("are gone through", needs("root", function()
    local object = assert(assert(lbpf.open("build/bpf/variables.bpf.o")):load())
    local seen = {}
    for name, value in object:each_variable() do
      seen[name] = number(value) or value
    end
    assert.same({hits = 0, step = 2, seed = 40, label = "first",
      ["one.calls"] = 10, ["two.calls"] = 20}, seen)
    if _VERSION ~= "Lua 5.1" then
      for name in pairs(object.vars) do
        seen[name] = nil
      end
      assert.same({}, seen)
    end
    object:close()
  end))
end)

describe("files that are linked", function()
  local object, linked

  lazy_setup(needs("root", function()
    linked = os.tmpname()
    local linker = assert(lbpf.linker(linked))
    assert(linker:add_file("build/bpf/twice_a.bpf.o"))
    assert(linker:add_file("build/bpf/twice_b.bpf.o"))
    assert(linker:finalize())
    object = assert(assert(lbpf.open(linked)):load())
  end))

  lazy_teardown(function()
    if object then
      object:close()
      os.remove(linked)
    end
  end)

  it("have types of the same name, which their numbers tell apart", needs("root", function()
    local ok, message = pcall(lbpf.ring_buffer, object.maps.ring_a, print, {type = "event"})
    assert.is_false(ok)
    local a, b = message:match("there are 2 types 'event': (%d+) %(struct, 32 bytes: ns, pid, "
      .. "comm%); (%d+) %(struct, 32 bytes: saddr, daddr, sport, %.%.%.%)")
    assert.truthy(a, message)
    local got = {}
    local ring = assert(lbpf.ring_buffer(object.maps.ring_a, function(e) got.a = e end,
      {type = tonumber(a)}))
    assert(ring:add(object.maps.ring_b, function(e) got.b = e end, {type = tonumber(b)}))
    assert(object.progs.report_a:test_run())
    assert(object.progs.report_b:test_run())
    assert.equal(2, ring:consume())
    assert.equal("aaa", got.a.comm)
    assert.equal(42, got.a.pid)
    assert.equal(0x0a000001, got.b.saddr)
    assert.equal(443, got.b.dport)
    assert.equal("aaa", object.maps.hash_a:lookup(1).comm)
    assert.equal(80, object.maps.hash_b:lookup(1).sport)
    ring:close()
  end))

  it("have variables of the same name, which their numbers tell apart", needs("root", function()
    local before = {}
    for name, value in object:each_variable() do
      before[name] = value
    end
    local ok, message = pcall(function() return object.vars.level end)
    assert.is_false(ok)
    local one = "(%d+) %('level' in '%S+', 4 bytes at %d+%)"
    local a, b = message:match("has 2 variables 'level': " .. one .. "; " .. one)
    assert.truthy(a, message)
    a, b = tonumber(a), tonumber(b)
    object.vars[a], object.vars[b] = 1, 2
    assert(object.progs.report_b:test_run())
    assert.equal(1, object.vars[a])
    assert.equal(12, object.vars[b])
    assert.truthy(before[a] and before[b])
    assert.is_nil(before.level)
  end))
end)

describe("variables of an arena", function()
  it("need not be there", needs({"root", "arena"}, function()
    local object = assert(lbpf.open("build/bpf/bare_arena.bpf.o"))
    assert(object:load())
    assert.is_number(object.maps.arena:fd())
    object:close()
  end))

  it("are read and written", needs({"root", "libbpf 1.5", "arena"}, function()
    local object = assert(lbpf.open("build/bpf/arena.bpf.o"))
    assert.same({a = 3, b = 4}, object.vars.pair)
    object.vars["pair.a"] = 5
    assert(object:load())
    assert.same({a = 5, b = 4}, object.vars.pair)
    object.vars["pair.b"] = 6
    assert.same({a = 5, b = 6}, object.vars.pair)
    assert.equal(1234567890123, number(object.vars.total))
    object.vars.total = 3
    assert.equal(3, number(object.vars.total))
    object:close()
  end))
end)
