-- Hazard 22: The kernel reads and writes as many bytes as the map's sizes say, whatever the size
-- of the caller's memory. Sizes are asked of the kernel, and buffers are checked.

local lbpf = require "lbpf"
local bytes = require "bytes"
local needs = require "needs"
local u32 = bytes.u32

local function refused(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  assert.matches(pattern, message)
end

describe("sizes of a map by descriptor", function()
  it("are the kernel's, and anything else is refused", needs("root", function()
    local map = assert(lbpf.map_create("hash", nil, 4, 8, 10))
    for _, key in ipairs({"", "abc", "abcde", ("k"):rep(1000)}) do
      local pattern = ("#2 .*a key of this map has 4 bytes, not %d"):format(#key)
      refused(pattern, lbpf.map_lookup, map, key)
      refused(pattern, lbpf.map_update, map, key, ("v"):rep(8))
      refused(pattern, lbpf.map_delete, map, key)
      refused(pattern, lbpf.map_get_next_key, map, key)
      refused(pattern, lbpf.map_lookup_and_delete, map, key)
    end
    refused("#3 .*a value of this map has 8 bytes, not 7", lbpf.map_update, map, "abcd",
      ("v"):rep(7))
    refused("#2 .*expected a string of 4 bytes, got nil", lbpf.map_lookup, map)
    assert.is_nil(lbpf.map_get_next_key(map))
  end))

  it("count a per-CPU value for every possible CPU, rounded up to 8", needs("root", function()
    local cpus = lbpf.num_possible_cpus()
    local size = 8 * cpus
    local map = assert(lbpf.map_create("percpu_array", nil, 4, 5, 2))
    assert.equal(cpus, #lbpf.map_lookup(map, u32(0)))
    refused(("a value of this map has %d bytes, not 5"):format(size), lbpf.map_update, map, u32(0),
      "12345")
    assert(lbpf.map_update(map, u32(1), ("x"):rep(5) .. ("\0"):rep(size - 5)))
    assert.equal("xxxxx", lbpf.map_lookup(map, u32(1))[1])
  end))

  it("count them in batches, too", needs({"root", "batches of per-CPU arrays"}, function()
    local map = assert(lbpf.map_create("percpu_array", nil, 4, 5, 2))
    local _, values = lbpf.map_lookup_batch(map)
    assert.equal(lbpf.num_possible_cpus(), #values[2])
  end))

  it("may be large", needs("root", function()
    local map = assert(lbpf.map_create("hash", nil, 4, 100000, 4))
    local value = ("abcdefghij"):rep(10000)
    assert(lbpf.map_update(map, u32(1), value))
    assert.equal(value, lbpf.map_lookup(map, u32(1)))
    local keys, values = lbpf.map_lookup_batch(map)
    assert.same({{u32(1)}, {value}}, {keys, values})
  end))

  it("leave 4 bytes for where a batch of a hash stopped, also for shorter keys",
    needs("root", function()
      local map = assert(lbpf.map_create("hash", nil, 1, 1, 256))
      local keys, values = {}, {}
      for i = 0, 255 do
        keys[i + 1], values[i + 1] = string.char(i), string.char(255 - i)
      end
      assert(lbpf.map_update_batch(map, keys, values))
      local seen, token = {}, nil
      repeat
        local k, v, more = lbpf.map_lookup_batch(map, {count = 10, in_batch = token})
        assert.is_true(more == nil or #more == 4)
        for i = 1, #k do
          assert.is_nil(seen[k[i]])
          seen[k[i]] = v[i]
        end
        token = more
      until not token
      for i = 1, 256 do
        assert.equal(values[i], seen[keys[i]])
      end
    end))

  it("are not read from what is not a map", needs("root", function()
    local insns = require "insns"
    local prog = assert(lbpf.prog_load("socket_filter", "no_map", "GPL", insns.returns(0)))
    local what = "#1 .*descriptor %d+ is not a bpf%-map, but 'bpf%-prog'"
    refused(what, lbpf.map_lookup, prog, "abcd")
    refused(what, lbpf.map_lookup_batch, prog)
    refused(what, lbpf.map_get_next_key, prog)
    refused("#1 .*descriptor 0 is not a BPF map: Invalid argument %(EINVAL%)", lbpf.map_lookup, 0,
      "abcd")
    refused("#1 .*descriptor 54321 is not a BPF map: .* %(EBADFD?%)", lbpf.map_lookup, 54321,
      "abcd")
    refused("#1 .*expected a file descriptor", lbpf.map_lookup, "map", "abcd")
    local map = assert(lbpf.map_create("hash", nil, 4, 8, 10))
    map:close()
    refused("#1 .*the descriptor is closed", lbpf.map_lookup, map, "abcd")
  end))
end)
