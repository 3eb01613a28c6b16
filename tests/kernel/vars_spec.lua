-- Global variables: obj.vars.

local lbpf = require "lbpf"
local needs = require "needs"

local function open()
  return assert(lbpf.open("build/bpf/types.bpf.o"))
end

local function number(value)
  return tonumber((tostring(value):gsub("U?LL$", "")))
end

describe("variables", function()
  it("have their initial values before the load", function()
    local vars = open().vars
    assert.equal(1, vars.step)
    assert.equal("const", vars.label)
    assert.equal(42, vars.initial)
    assert.same({x = 3, y = 4}, vars.where)
    assert.same({{1, 2}, {3, 4}}, vars.table)
    assert.equal(4, vars["table[2][2]"])
    assert.equal(7, vars.own)
    assert.equal(0, number(vars.counted))
  end)

  it("reach the program, constants assigned before the load too", needs("root", function()
    local object = open()
    object.vars.step = 1000
    object.vars.initial = 43
    object.vars["where.y"] = -9
    object.vars.label = "new"
    assert(object:load())
    assert.equal(1000, object.vars.step)
    assert.equal(43, object.vars.initial)
    assert.equal("new", object.vars.label)
    assert.equal(-9, object.vars.where.y)

    assert(object:attach())
    local n = 0
    while number(object.vars.counted) == 0 and n < 1e6 do
      io.open("/dev/null"):close()
      n = n + 1
    end
    assert.is_true(number(object.vars.counted) >= 1000)
    assert.equal(0, number(object.vars.counted) % 1000)
    assert.is_true(object.vars.own > 7)
  end))

  it("are live, also their parts", needs("root", function()
    local object = assert(open():load())
    object.vars.where = {x = 1}
    assert.same({x = 1, y = 0}, object.vars.where)
    object.vars["table[1][2]"] = -5
    assert.same({{1, -5}, {3, 4}}, object.vars.table)
    -- the map says the same
    local data = object.maps[".data"]:lookup(("\0"):rep(4))
    assert.is_truthy(data:find("\251\255", 1, true))
  end))

  it("refuse what cannot be", needs("root", function()
    local object = open()
    local function refused(message, fn)
      local ok, got = pcall(fn)
      assert.is_false(ok)
      assert.equal(message, (got:gsub("^[^:]+:%d+: ", "")))
    end
    local function misses(name, nearest)
      local ok, got = pcall(function() return object.vars[name] end)
      assert.is_false(ok)
      assert.matches(("object 'build/bpf/types.bpf.o' has no variable '%s'; there are: %s,")
        :format(name, nearest), got, 1, true)
    end
    misses("nope", "own")
    misses("inital", "initial")
    refused("there is no 'where.z'; it has: x, y", function() return object.vars["where.z"] end)
    refused("initial: the integer does not fit", function() object.vars.initial = 2 ^ 32 end)
    refused("where.z: there is no such member; there are: x, y", function()
      object.vars.where = {x = 1, z = 1}
    end)
    assert.same({x = 3, y = 4}, object.vars.where)
    assert(object:load())
    refused("variable 'step' is constant: assign it before the load",
      function() object.vars.step = 2 end)
    assert.equal(1, object.vars.step)
    local vars = object.vars
    object:close()
    refused("object 'build/bpf/types.bpf.o' is closed", function() return vars.step end)
  end))

  it("may get to know others while one is assigned", function()
    local ok, ffi = pcall(require, "ffi")
    if not ok then
      return -- values are turned into bytes without a script's code
    end
    local object = open()
    local integer = ffi.metatype("struct { int which; }", {__tostring = function()
      for _, name in ipairs {"step", "label", "counted", "where.x", "where.y", "table", "own",
        "table[1]", "table[2]", "everything.u8", "everything.name", "everything.at"} do
        assert(object.vars[name] ~= nil)
      end
      return "43LL"
    end})
    object.vars.initial = integer(1)
    assert.equal(43, object.vars.initial)
    object:close()
  end)

  it("survive the debug library, which can cut their ties", function()
    local get = debug.getuservalue or debug.getfenv
    local object = open()
    assert.same({x = 3, y = 4}, object.vars.where)
    local known = get(object.vars)
    local where = known.where
    for _, wrong in ipairs {where + 1, -1, 2 ^ 40} do
      known.where = wrong
      assert.is_false((pcall(function() return object.vars.where end)))
    end
    for _, none in ipairs {0, "x"} do
      known.where = none
      assert.same({x = 3, y = 4}, object.vars.where) -- found anew
    end
    where = known.where
    known.where, known[where] = where, nil
    assert.is_false((pcall(function() return object.vars.where end)))
    collectgarbage()
    assert.equal(42, object.vars.initial)
  end)
end)
