-- Hazard 23: a batch may end early, for reasons good and bad; nothing is lost, nothing comes twice,
-- and it ends even if others change the map.

local lbpf = require "lbpf"
local kernel = require "kernel"
local needs = require "needs"
local u32, u64 = kernel.u32, kernel.u64

-- A process that inserts and deletes the keys from 1000001 on in the map that is pinned at PATH.
local function churn(path, entry)
  return kernel.background(([[
    local lbpf = require "lbpf"
    local pack = string.pack or require("compat53.string").pack
    local map = assert(lbpf.obj_get(%q))
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
end

describe("a batch while another process writes", function()
  local path, stop

  before_each(function()
    path = kernel.pin_path()
  end)

  after_each(function()
    if stop then
      stop()
      stop = nil
    end
    os.remove(path)
  end)

  it("ends, and shows each key that stays once", needs("root", function()
    local map = assert(lbpf.map_create("hash", nil, 4, 8, 3000, {map_flags = 1}))
    assert(lbpf.obj_pin(map, path))
    local keys, values = {}, {}
    for i = 1, 2000 do
      keys[i], values[i] = u32(i), u64(i)
    end
    assert(lbpf.map_update_batch(map, keys, values))
    stop = churn(path, "pack('<I4', n), pack('<I8', n)")
    for _ = 1, 50 do
      local k, v = assert(lbpf.map_lookup_batch(map, {count = 100000}))
      local seen, old = {}, 0
      for i = 1, #k do
        assert.is_nil(seen[k[i]])
        seen[k[i]] = true
        if kernel.int(k[i], 4) <= 2000 then
          old = old + 1
        end
        assert.equal(k[i], v[i]:sub(1, 4))
      end
      assert.equal(2000, old)
    end
  end))

  it("of a trie, whose walk starts anew, ends or says so, and repeats nothing",
    needs("root", function()
      local map = assert(lbpf.map_create("lpm_trie", nil, 8, 8, 3000, {map_flags = 1}))
      assert(lbpf.obj_pin(map, path))
      local keys, values = {}, {}
      for i = 1, 500 do
        keys[i], values[i] = u32(32) .. u32(i), u64(i)
      end
      assert(lbpf.map_update_batch(map, keys, values))
      stop = churn(path, "pack('<I4I4', 32, n), pack('<I8', n)")
      for _ = 1, 50 do
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

  it("that takes them away loses none", needs("root", function()
    local map = assert(lbpf.map_create("hash", nil, 4, 8, 20000, {map_flags = 1}))
    assert(lbpf.obj_pin(map, path))
    local pipe = assert(io.popen(("exec %s -e %s"):format(os.getenv("LBPF_LUA"), "'" .. ([[
      local lbpf = require "lbpf"
      local pack = string.pack or require("compat53.string").pack
      local map = assert(lbpf.obj_get("%s"))
      for i = 1, 10000 do
        assert(lbpf.map_update(map, pack("<I4", i), pack("<I8", i * 3)))
      end
      print("done")
    ]]):format(path) .. "'")))
    local seen, n = {}, 0
    local function take()
      local keys, values = assert(lbpf.map_lookup_and_delete_batch(map))
      for i = 1, #keys do
        local key = kernel.int(keys[i], 4)
        assert.is_nil(seen[key])
        assert.equal(u64(key * 3), values[i])
        seen[key] = true
        n = n + 1
      end
    end
    while n < 5000 do
      take()
    end
    assert.equal("done", pipe:read("*l"))
    pipe:close()
    take()
    assert.equal(10000, n)
  end))
end)
