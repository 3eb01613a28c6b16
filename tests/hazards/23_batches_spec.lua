-- Hazard 23: A batch may end early, for several reasons, and other processes change the map
-- meanwhile. No entry is lost or repeated, and the loop ends.

local lbpf = require "lbpf"
local bytes = require "bytes"
local child = require "child"
local pins = require "pins"
local needs = require "needs"
local u32, u64 = bytes.u32, bytes.u64

-- A process that inserts and deletes the keys from 1000001 on in the map that is pinned at PATH,
-- until the function returned is called.
local function churn(path, entry)
  local writer = child.lua(([[
    local lbpf = require "lbpf"
    local bytes = require "bytes"
    local map = assert(lbpf.obj_get(%q))
    io.stdout:setvbuf("no")
    print("ready")
    local i = 0
    while true do
      local n = 1000000 + i %% 500
      local key, value = %s
      if i %% 1000 < 500 then
        lbpf.map_update(map, key, value)
      else
        lbpf.map_delete(map, key)
      end
      i = i + 1
    end
  ]]):format(path, entry))
  assert.equal("ready", writer.answers:read("*l"))
  return function()
    os.execute("kill " .. writer.pid)
    writer.answers:close()
  end
end

describe("a batch while another process writes", function()
  local path, stop

  before_each(function()
    path = pins.path()
  end)

  after_each(function()
    if stop then
      stop()
      stop = nil
    end
    os.remove(path)
  end)

  it("ends, and shows each key that stays once", needs({"root", "native", "bpffs"}, function()
    local map = assert(lbpf.map_create("hash", nil, 4, 8, 3000, {map_flags = 1}))
    assert(lbpf.obj_pin(map, path))
    local keys, values = {}, {}
    for i = 1, 500 do
      keys[i], values[i] = u32(i), u64(i)
    end
    assert(lbpf.map_update_batch(map, keys, values))
    stop = churn(path, "bytes.u32(n), bytes.u64(n)")
    for _ = 1, 10 do
      local k, v = assert(lbpf.map_lookup_batch(map, {count = 100000}))
      local seen, old = {}, 0
      for i = 1, #k do
        assert.is_nil(seen[k[i]])
        seen[k[i]] = true
        if bytes.number(k[i]) <= 500 then
          old = old + 1
        end
        assert.equal(k[i], v[i]:sub(1, 4))
      end
      assert.equal(500, old)
    end
  end))

  it("of a trie, whose walk starts anew when its key is deleted, repeats nothing",
    needs({"root", "native", "bpffs"}, function()
      local N = 20000 -- more than are read at a time
      local map = assert(lbpf.map_create("lpm_trie", nil, 8, 8, N, {map_flags = 1}))
      local keys, values = {}, {}
      for i = 1, N do
        keys[i], values[i] = u32(32) .. u32(i), u64(i)
      end
      assert(lbpf.map_update_batch(map, keys, values))
      local seen, n = {}, 0
      for key in lbpf.map(map, {raw = true}):pairs() do
        assert.is_nil(seen[key])
        seen[key] = true
        n = n + 1
        if n % 2 == 0 then
          assert(lbpf.map_delete(map, key))
        end
      end
      assert.equal(N, n)
    end))

  it("of a trie, whose walk starts anew, ends or says so, and repeats nothing",
    needs({"root", "native", "bpffs"}, function()
      local map = assert(lbpf.map_create("lpm_trie", nil, 8, 8, 3000, {map_flags = 1}))
      assert(lbpf.obj_pin(map, path))
      local keys, values = {}, {}
      for i = 1, 300 do
        keys[i], values[i] = u32(32) .. u32(i), u64(i)
      end
      assert(lbpf.map_update_batch(map, keys, values))
      stop = churn(path, "bytes.u32(32) .. bytes.u32(n), bytes.u64(n)")
      for _ = 1, 10 do
        local k, _, errno, partial = lbpf.map_lookup_batch(map)
        if not k then
          assert.is_true(errno == 11 or errno == 4) -- EAGAIN, EINTR
          k = partial.keys
        end
        local seen = {}
        for i = 1, #k do
          assert.is_nil(seen[k[i]])
          seen[k[i]] = true
        end
      end
    end))

  it("that takes them away loses none", needs({"root", "native", "bpffs"}, function()
    local map = assert(lbpf.map_create("hash", nil, 4, 8, 20000, {map_flags = 1}))
    assert(lbpf.obj_pin(map, path))
    local writer = child.lua(([[
      local lbpf = require "lbpf"
      local bytes = require "bytes"
      local map = assert(lbpf.obj_get(%q))
      for i = 1, 4000 do
        assert(lbpf.map_update(map, bytes.u32(i), bytes.u64(i * 3)))
      end
      print("done")
    ]]):format(path))
    local seen, n = {}, 0
    local function take()
      local keys, values = assert(lbpf.map_lookup_and_delete_batch(map))
      for i = 1, #keys do
        local key = bytes.number(keys[i])
        assert.is_nil(seen[key])
        assert.equal(u64(key * 3), values[i])
        seen[key] = true
        n = n + 1
      end
    end
    child.wait_until(function()
      take()
      return n >= 2000
    end)
    assert.equal("done", writer.answers:read("*l"))
    writer.answers:close()
    take()
    assert.equal(4000, n)
  end))
end)
