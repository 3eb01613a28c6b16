-- What LuaJIT compiles for maps and variables: when they are closed or collected, where an error is
-- reported, and what variables read.
local garbage = require "garbage"
local lbpf = require "lbpf"
local needs = require "needs"
if not jit then
  it("what LuaJIT compiles for maps and variables", needs("jit", function() end))
  return
end
local show = require "show"

local OFTEN = 70 -- enough for a loop to be compiled

local object, maps

before_each(function()
  object = assert(lbpf.open("build/bpf/compiled.bpf.o")):load()
  maps = object and object.maps
end)

after_each(function()
  if object then
    object:close()
  end
  object, maps = nil, nil
end)

describe("compiled code for a map", function()
  it("ends a walk over a map that was closed", needs("root", function()
    local map = maps.u32
    for i = 1, 6 do
      map:update(i, i)
    end
    local own, seen = assert(lbpf.map(map:fd())), 0
    for key, value in own:pairs() do -- it has a descriptor of its own
      own:close()
      seen = seen + 1
      assert.equal(key, value)
    end
    assert.equal(6, seen)
    local at
    seen = 0
    local ok, message = pcall(function()
      at = debug.getinfo(1, "l").currentline + 1
      for _ in map:pairs() do
        seen = seen + 1
        object:close()
      end
    end)
    assert.is_false(ok)
    assert.equal(1, seen)
    assert.equal(("tests/kernel/compiled_life_spec.lua:%d: object 'build/bpf/compiled.bpf.o' " ..
      "is closed"):format(at), message)
  end))

  it("says what C says of the caller's line", needs("root", function()
    local map = maps.u32
    local function line()
      return debug.getinfo(2, "l").currentline
    end
    for _ = 1, OFTEN do
      map:update(1, 2)
      map:lookup(1)
    end
    local at
    local ok, message = pcall(function()
      at = line() + 1
      map:lookup {}
      return nil
    end)
    assert.is_false(ok)
    assert.equal(("tests/kernel/compiled_life_spec.lua:%d: bad argument #1 to 'lookup' " ..
      "(expected an integer, got table)"):format(at), message)
    ok, message = pcall(function()
      at = line() + 1
      map:update(1, 2 ^ 32)
      return nil
    end)
    assert.is_false(ok)
    assert.equal(("tests/kernel/compiled_life_spec.lua:%d: bad argument #2 to 'update' " ..
      "(the integer does not fit)"):format(at), message)
  end))

  it("takes flags, and tables of many", needs("root", function()
    local map = maps.u32
    assert.equal(map, map:update(1, 10))
    assert.equal(map, map:update(1, 11, "exist"))
    assert.equal(17, select(3, map:update(1, 12, "noexist")))
    assert.equal(11, map:lookup(1, 0))
    assert.equal(22, select(3, map:lookup(1, 2 ^ 20)))
    assert.equal(map, map:update {[2] = 20, [3] = 30})
    assert.equal(30, map:lookup(3))
    for i = 4, 8 do
      assert.equal(map, map:update(i, i))
    end
    local _, message, errno = map:update(9, 9)
    assert.matches("^update: map 'u32': ", message)
    assert.equal(7, errno)
    assert.is_nil(map:lookup(9))
    assert.equal(1, select("#", map:lookup(9)))
  end))

  it("knows when a map is closed", needs("root", function()
    local map, own = maps.u32, assert(lbpf.map(maps.u32:fd()))
    local view = map:view {numbers = true}
    for _, m in ipairs {map, view, own} do
      for i = 1, OFTEN do
        assert(m:update(1, i))
        assert.equal(i, m:lookup(1))
      end
    end
    local lookup, update = own.lookup, own.update
    own:close()
    for _, fn in ipairs {lookup, update} do
      local ok, message = pcall(fn, own, 1, 1)
      assert.is_false(ok)
      assert.matches("map 'u32' is closed", message)
    end
    object:close()
    for _, m in ipairs {map, view} do
      for _, fn in ipairs {lookup, update} do
        local ok, message = pcall(fn, m, 1, 1)
        assert.is_false(ok)
        assert.matches("object 'build/bpf/compiled.bpf.o' is closed", message, 1, true)
      end
    end
  end))

  it("does not keep a view", needs("root", function()
    local kept = setmetatable({}, {__mode = "k"})
    for _ = 1, 20 do
      local view = maps.u64:view {numbers = true}
      kept[view] = true
      for i = 1, OFTEN do
        view:update(1, i)
        assert(view:lookup(1) == i)
      end
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(kept))
  end))

  it("is called by finalizers of its own calls", needs("root", function()
    local map = maps.leaves
    local counts = maps.u64
    for i = 1, 2 do
      map:update(i, {u64 = i, list = {i, i, i}, name = ("%d"):format(i), s32 = i})
      counts:update(i, i)
    end
    local calls, failure = 0, nil

    local function check(i)
      local value = map:lookup(i)
      local whole = value.u64 == i and value.s32 == i and value.name == ("%d"):format(i) and
        value.list[1] == i and value.list[3] == i and counts:lookup(i) == i
      assert(whole, "torn: " .. show(value))
      counts:update(i, i)
    end

    local function finalizer()
      calls = calls + 1
      local ok, message = pcall(check, 2)
      failure = failure or not ok and message
      if calls < 300 then
        garbage.drop(finalizer)
      end
    end

    garbage.collecting(function()
      garbage.drop(finalizer)
      while calls < 300 and not failure do
        check(1)
      end
    end)
    assert.is_nil(failure or nil)
  end))
end)

describe("compiled code for a variable", function()
  local NAMES = {"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "flag", "depth", "twice",
    "name", "list", "bits", "leaves", "constant", "list[2]", "leaves.s64", "leaves.nested[1].y",
    "leaves.list", "leaves.s8", "bits.c"}

  it("reads the same", needs({"root", "64 bits"}, function()
    local vars = object.vars
    for _, name in ipairs(NAMES) do
      local first = show(vars["var_" .. name])
      for _ = 1, OFTEN do
        assert.equal(first, show(vars["var_" .. name]))
      end
    end
    assert.equal("number -128", show(vars.var_s8))
    assert.equal("number 4294967295", show(vars.var_u32):gsub("%.0$", ""))
    assert.equal("boolean true", show(vars.var_flag))
    assert.equal("string eight by", show(vars.var_name))
  end))

  it("reads what was written", needs("root", function()
    local vars = object.vars
    for i = 1, OFTEN do
      vars.var_u32 = i
      vars.var_list = {i, i + 1}
      assert(vars.var_u32 == i and vars.var_list[2] == i + 1 and vars.var_list[3] == 0)
    end
  end))

  it("reads what programs write while a loop does nothing else", needs("root", function()
    assert(object.progs.count:attach())
    local vars = object.vars
    for _ = 1, OFTEN do
      assert(vars.var_calls)
    end
    local busy = io.popen("exec dd if=/dev/zero of=/dev/null bs=1 count=300000 2>&1")
    local last, changes, turns = vars.var_calls, 0, 0
    repeat
      local now = vars.var_calls
      changes = now ~= last and changes + 1 or changes
      last, turns = now, turns + 1
    until changes == OFTEN or turns == 1e9
    busy:close()
    assert.equal(OFTEN, changes)
  end))

  it("says what C says of the caller's line", needs("root", function()
    local vars = object.vars
    for _ = 1, OFTEN do
      assert.equal(255, vars.var_u8)
    end
    local function failure(name)
      local _, message = pcall(function()
        return vars[name]
      end)
      return message:match(":(.*)$")
    end
    local fresh = failure("no_such")
    assert.matches("^%d+: object '.*' has no variable 'no_such'; there are: ", fresh)
    local line = fresh:match("^%d+")
    object:close()
    assert.equal(line .. ": object 'build/bpf/compiled.bpf.o' is closed", failure("var_u8"))
    assert.equal(failure("var_u8"), failure("var_s8")) -- which is not compiled
  end))
end)
