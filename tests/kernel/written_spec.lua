-- What is read from maps and variables, changed in one place and written differs there alone,
-- also where code is compiled.

local lbpf = require "lbpf"
local needs = require "needs"

-- As many as make LuaJIT compile what is done.
local ROUNDS = rawget(_G, "jit") and 200 or 20

local function load()
  local object = assert(lbpf.open("build/bpf/written.bpf.o"))
  return assert(object:load())
end

local function random_bytes(n)
  local bytes = {}
  for i = 1, n do
    bytes[i] = string.char(math.random(0, 255))
  end
  return table.concat(bytes)
end

describe("a char array", function()
  -- Of each length, and with a byte anywhere behind its zero; 16 is the size of a task's name.
  for _, size in ipairs {1, 3, 8, 15, 16, 17, 24} do
    it(("of %d bytes is read up to its zero, and written whole"):format(size),
      needs("root", function()
        local fd = assert(lbpf.map_create("array", nil, 4, 2 * size + 4, 1))
        local raw = assert(lbpf.map(fd, {raw = true}))
        local layout = "struct v { char a[%d]; char b[%d]; char n[4]; }"
        local map = assert(lbpf.map(fd, {key = "__u32", layout = layout:format(size, size)}))
        for length = 0, size do
          for stray = math.min(length + 2, size + 1), size + 1 do -- the last: none
            local text = ("x"):rep(length)
            local whole = text .. ("\0"):rep(stray - 1 - length) .. (stray <= size and "y" or "")
            whole = whole .. ("\0"):rep(size - #whole)
            assert(raw:update("\0\0\0\0", ("z"):rep(size) .. whole .. "1\0\0\0"))
            local looked_up, key, walked = map:lookup(0), map:pairs()()
            assert.equal(0, key)
            for _, value in ipairs {looked_up, walked} do
              assert.same({a = ("z"):rep(size), b = text, n = "1"}, value)
              value.n = "2"
              assert(map:update(0, value))
              assert.equal(("z"):rep(size) .. whole .. "2\0\0\0", raw:lookup("\0\0\0\0"))
            end
          end
        end
        fd:close()
      end))
  end
end)

describe("what a map has", function()
  it("is written as it was read", needs("root", function()
    local object = load()
    for _, name in ipairs {"values", "smalls"} do
      local map = object.maps[name]
      local raw = map:view {raw = true}
      local key_size, value_size = map:key_size(), map:value_size()
      for i = 1, ROUNDS do
        -- by turns with and without what values do not say
        local dirty = i % 3 == 0
        local key = dirty and random_bytes(key_size) or ("\0"):rep(key_size)
        local value = dirty and random_bytes(value_size) or ("\0"):rep(value_size)
        assert(raw:update(key, value))
        local n = 0
        for k, v in map:pairs() do
          assert.equal(true, map:delete(k)) -- the key as it was read is that key
          assert(map:update(k, v))
          n = n + 1
        end
        assert.equal(1, n)
        assert.equal(value, raw:lookup(key))
        for k in map:pairs() do
          assert(map:update(k, map:lookup(k)))
        end
        assert.equal(value, raw:lookup(key))
        assert(raw:delete(key))
      end
    end
    object:close()
  end))

  it("differs where it was changed", needs("root", function()
    local object = load()
    local map = object.maps.smalls
    local raw = map:view {raw = true}
    local codec = object:codec("small")
    local at = codec:offset("n")
    for i = 1, ROUNDS do
      local bytes = i % 2 == 0 and random_bytes(map:value_size()) or ("\0"):rep(map:value_size())
      assert(raw:update(bytes, bytes))
      for key, value in map:pairs() do
        value.n = i
        assert(map:update(key, value))
      end
      local written = raw:lookup(bytes)
      assert.equal(bytes:sub(1, at), written:sub(1, at))
      assert.equal(bytes:sub(at + 9), written:sub(at + 9))
      assert.equal(i, tonumber(codec:decode(written).n))
      assert(raw:delete(bytes))
    end
    object:close()
  end))
end)

describe("a variable", function()
  it("is written as it was read", needs("root", function()
    local object = load()
    local codec = object:codec("small")
    for i = 1, ROUNDS do
      local bytes = i % 3 == 0 and random_bytes(codec:size()) or ("\0"):rep(codec:size())
      object.vars.global = bytes
      local value = object.vars.global
      object.vars.global = ("\0"):rep(codec:size())
      object.vars.global = value
      assert.equal(bytes, object.maps[".bss"]:view({raw = true}):lookup("\0\0\0\0")
        :match(bytes:gsub("%p", "%%%0"):gsub("%z", "%%z"), 1) or "other bytes")
    end
    object:close()
  end))
end)

describe("a key", function()
  it("that is an integer is never its bytes", needs("root", function()
    local object = load()
    local values, ports = object.maps.values, object.maps.ports
    for i = 1, ROUNDS do
      for _, key in ipairs {"22", "80", "443", "8080"} do
        assert(values:update(key, {v4 = i}))
        assert.equal(i, values:lookup(tonumber(key)).v4)
        assert(ports:update(key, {port = i}))
        assert.equal(i, ports:lookup(tonumber(key)).port)
      end
    end
    assert.equal(4, values:count())
    assert.equal(4, ports:count())
    object:close()
  end))

  it("may have a name", needs({"root", "64 bits"}, function()
    local object = load()
    local enums = object.maps.enums:view {enum_names = true}
    assert(enums:update("ALIAS", "SAME"))
    assert.equal("WIDE", enums:lookup("GREEN"))
    for key, value in enums:pairs() do
      assert.same({"GREEN", "WIDE"}, {key, value})
    end
    object:close()
  end))
end)
