-- User ring buffers: BPF programs get what was submitted, all of it and nothing else, in order.
local child = require "child"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local samples = require "samples"

local NEEDS = {"root", "user rings"}

describe("user_ring_buffer", function()
  local object, ring

  before_each(needs(NEEDS, function()
    object = samples.load()
    ring = assert(lbpf.user_ring_buffer(object.maps.samples))
  end))

  after_each(function()
    ring:close()
    object:close()
  end)

  it("sends bytes", needs(NEEDS, function()
    for i = 1, 5 do
      assert.equal(ring, ring:send(("sample %d%s"):format(i, ("."):rep(10))))
    end
    assert.equal(5, samples.drain(object))
    assert.equal(5, samples.drain(object))
    for i = 1, 5 do
      assert.equal(("sample %d........"):format(i), samples.kept(object, i))
    end
    ring:send("8 bytes.")
    assert.equal(6, samples.drain(object))
    assert.equal("8 bytes." .. ("\0"):rep(8), samples.kept(object, 6))
  end))

  it("reserves samples that are written in pieces", needs(NEEDS, function()
    ring:send(("x"):rep(samples.RING - 8)) -- what was in the ring before is not seen
    samples.drain(object)
    local sample = assert(ring:reserve(16))
    assert.equal("lbpf.user_ring_sample: 16 bytes", tostring(sample))
    assert.equal(sample, sample:write("abc"))
    assert.equal(sample, sample:write("xyz", 13):write("", 16):write("C", "2"))
    assert.is_true(sample:submit())
    assert.equal("lbpf.user_ring_sample (was submitted)", tostring(sample))
    assert.equal(2, samples.drain(object))
    assert.equal("abC" .. ("\0"):rep(10) .. "xyz", samples.kept(object, 2))
  end))

  it("hands samples over in the order of the reservations, without those discarded",
    needs(NEEDS, function()
      local list = {}
      for i = 1, 4 do
        list[i] = assert(ring:reserve(16)):write(("number %d........"):format(i))
      end
      list[4]:submit()
      list[2]:submit()
      assert.equal(0, samples.drain(object))
      list[1]:submit()
      assert.equal(2, samples.drain(object))
      assert.is_true(list[3]:discard())
      assert.equal("lbpf.user_ring_sample (was discarded)", tostring(list[3]))
      assert.equal(3, samples.drain(object))
      for i, number in ipairs({1, 2, 4}) do
        assert.equal(("number %d........"):format(number), samples.kept(object, i))
      end
    end))

  it("counts exactly what was sent, round and round", needs(NEEDS, function()
    local sent = 0
    for round = 1, 50 do
      for _ = 1, 30 do
        assert(ring:send(("%016d"):format(sent) .. ("x"):rep(round)))
        sent = sent + 1
      end
      assert.equal(sent, samples.drain(object))
    end
    assert.equal("0000000000000255", samples.kept(object, 256))
  end))

  it("says that the ring is full, or too small", needs(NEEDS, function()
    assert(ring:send(("x"):rep(samples.RING - 8)))
    local sample, message, errno = ring:reserve(8)
    assert.is_nil(sample)
    assert.equal("user_ring_buffer: reserve: 8 bytes: No space left on device (ENOSPC); the ring "
      .. "is full until a BPF program drains it", message)
    assert.equal(28, errno)
    sample, message, errno = ring:send("12345678")
    assert.is_nil(sample)
    assert.matches("^user_ring_buffer: send: 8 bytes: No space left on device", message)
    assert.equal(28, errno)
    for _, timeout in ipairs({0, 1}) do
      sample, message, errno = ring:reserve_blocking(8, timeout)
      assert.is_nil(sample)
      assert.matches("^user_ring_buffer: reserve_blocking: 8 bytes: No space left", message)
      assert.equal(28, errno)
    end
    assert.equal(1, samples.drain(object))
    assert.equal(ring, ring:send("12345678"))
    sample, message, errno = ring:reserve(samples.RING - 7)
    assert.is_nil(sample)
    assert.matches("(E2BIG)", message, 1, true)
    assert.equal(7, errno)
    assert.equal(7, select(3, ring:reserve_blocking(samples.RING - 7)))
    assert.equal(2, samples.drain(object))
  end))

  -- Starts a process whose ring has LEFT bytes left; it asks for SIZE bytes.
  local function writer(left, size, timeout)
    local process = child.lua(([[
      local samples, lbpf = require "samples", require "lbpf"
      local object = samples.load(%d)
      local ring = assert(lbpf.user_ring_buffer(object.maps.samples))
      ring:send(("x"):rep(samples.RING - 8 - %d))
      print("reserve", (ring:reserve(%d)))
      io.stdout:flush()
      print("reserve_blocking", (ring:reserve_blocking(%d, %d)))
    ]]):format(child.kernel_pid(), left, size, size, timeout))
    assert.equal("reserve\tnil", process.answers:read("*l"))
    return process
  end

  local function drained(process)
    samples.drain(object) -- drains that process's ring as well
    assert.matches("^reserve_blocking\tlbpf.user_ring_sample", process.answers:read("*l"))
    process.answers:close()
  end

  it("waits until a full ring has been drained", needs(NEEDS, function()
    for _, timeout in ipairs({-1, 60000}) do
      local process = writer(0, 8, timeout)
      child.wait_for_epoll(process.pid)
      drained(process)
    end
  end))

  it("waits until a ring has enough space", needs(NEEDS, function()
    local process = writer(56, 100, -1)
    child.wait_for_load(process.pid) -- with some space in the ring, libbpf asks again and again
    drained(process)
  end))

  local function interrupt(process)
    assert.is_true(child.succeeds(("kill -INT %d"):format(process.pid)))
    local text = process.answers:read("*a")
    process.answers:close()
    assert.matches("interrupted!", text, 1, true)
    assert.not_matches("returned", text, 1, true)
  end

  it("can be interrupted while it waits", needs(NEEDS, function()
    local process = child.lua([[
      local samples, lbpf = require "samples", require "lbpf"
      local ring = assert(lbpf.user_ring_buffer(samples.load().maps.samples))
      ring:send(("x"):rep(samples.RING - 8))
      print("returned", ring:reserve_blocking(8))
    ]])
    child.wait_for_epoll(process.pid)
    assert.is_true(child.succeeds(("kill -STOP %d"):format(process.pid)))
    child.wait_for_stop(process.pid)
    assert.is_true(child.succeeds(("kill -CONT %d"):format(process.pid)))
    child.wait_for_epoll(process.pid)
    interrupt(process)
  end))

  it("can be interrupted while there is space, but not enough", needs(NEEDS, function()
    local process = child.lua([[
      local samples, lbpf = require "samples", require "lbpf"
      local ring = assert(lbpf.user_ring_buffer(samples.load().maps.samples))
      ring:send(("x"):rep(samples.RING - 64))
      print("returned", ring:reserve_blocking(128))
    ]])
    child.wait_for_load(process.pid) -- libbpf tries again and again
    interrupt(process)
  end))

  it("outlives its object", needs(NEEDS, function()
    object:close()
    assert.equal(ring, ring:send("12345678"))
    assert.is_true(ring:close())
  end))

  it("writes to a map by its descriptor", needs(NEEDS, function()
    ring:close()
    ring = assert(lbpf.user_ring_buffer(object.maps.samples:fd()))
    ring:send("12345678")
    assert.equal(1, samples.drain(object))
  end))

  it("leaves no descriptor behind, closed or forgotten", needs(NEEDS, function()
    ring:close()
    local before = fds.count()
    for _ = 1, 5 do
      ring = assert(lbpf.user_ring_buffer(object.maps.samples))
      assert.is_true(fds.count() > before)
      ring:reserve(8)
      assert.is_true(ring:close())
      assert.equal(before, fds.count())
    end
    for _ = 1, 5 do
      assert(lbpf.user_ring_buffer(object.maps.samples)):reserve(8)
      collectgarbage() -- or the map would still be taken
      collectgarbage()
    end
    assert.equal(before, fds.count())
  end))

  it("refuses a map of another type, and one that is written already",
    needs(NEEDS, function()
      local made, message, errno = lbpf.user_ring_buffer(object.maps.target)
      assert.is_nil(made)
      assert.equal("user_ring_buffer: map 'target': Invalid argument (EINVAL)", message)
      assert.equal(22, errno)
      made, message, errno = lbpf.user_ring_buffer(object.maps.samples)
      assert.is_nil(made)
      assert.equal("user_ring_buffer: map 'samples': Device or resource busy (EBUSY); only one "
        .. "producer per process may write to a ring", message)
      assert.equal(16, errno)
    end))

  it("checks its arguments", needs(NEEDS, function()
    assert.error_matches(function() lbpf.user_ring_buffer(object) end, "lbpf.map expected")
    assert.error_matches(function() ring:reserve() end, "#1.*expected an integer")
    assert.error_matches(function() ring:reserve(-1) end, "#1.*%-1 is not in 0 to")
    assert.error_matches(function() ring:reserve(2 ^ 30) end, "#1.*1073741824 is not in 0 to")
    assert.error_matches(function() ring:reserve_blocking(8, -2) end, "#2.*%-2 is not in %-1 to")
    assert.error_matches(function() ring:send(nil) end, "#1.*string expected")
    assert.error_matches(function() ring:send("x", "soon") end, "#2.*expected an integer")
    local sample = assert(ring:reserve(8))
    assert.error_matches(function() sample:write("123456789") end,
      "9 bytes at offset 0 do not fit a sample of 8")
    assert.error_matches(function() sample:write("12", 7) end,
      "2 bytes at offset 7 do not fit a sample of 8")
    assert.error_matches(function() sample:write("", 9) end, "#2.*9 is not in 0 to 8")
    assert.error_matches(function() sample:write("", -1) end, "#2.*%-1 is not in 0 to 8")
    assert.error_matches(function() sample:write(nil) end, "#1.*string expected")
  end))
end)
