-- Perf buffers of whole records, with the script's own perf event.
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local perf = require "perf"
local rings = require "rings"

describe("perf_buffer_raw", function()
  local object, buffer

  before_each(needs("root", function()
    object = perf.begin()
  end))

  after_each(function()
    perf.finish(object, buffer)
    buffer = nil
  end)

  -- Software, BPF output, with the bytes; RAW and TIME.
  local function attr(sample_type)
    return {type = 1, config = 10, sample_type = sample_type or 0x400, wakeup_events = 1}
  end

  it("gives whole records, as the attributes make them", needs("root", function()
    local list = {}
    buffer = assert(lbpf.perf_buffer_raw(object.maps.events, 8, attr(0x400 + 4),
      function(record, cpu)
        list[#list + 1] = {record, cpu}
      end))
    perf.send(object, 2, 12)
    assert.equal(2, buffer:poll())
    for i = 1, 2 do
      local record, cpu = list[i][1], list[i][2]
      assert.equal(0, cpu)
      assert.equal(32, #record)
      assert.equal("\9\0\0\0", record:sub(1, 4)) -- PERF_RECORD_SAMPLE
      assert.equal("\32\0", record:sub(7, 8)) -- the size
      assert.equal("\12\0\0\0", record:sub(17, 20)) -- of the bytes, after the time
      assert.equal(i - 1, rings.number(record:sub(21)))
    end
    assert.is_true(list[1][1]:sub(9, 16):reverse() < list[2][1]:sub(9, 16):reverse())
  end))

  it("gives records of lost events, too", needs("root", function()
    local types = {}
    buffer = assert(lbpf.perf_buffer_raw(object.maps.events, 1, attr(), function(record)
      types[#types + 1] = record:byte(1)
    end))
    perf.send(object, 10, 1000)
    assert.equal(4, buffer:poll())
    perf.send(object, 1)
    assert.equal(2, buffer:poll())
    assert.same({9, 9, 9, 9, 2, 9}, types)
    assert.equal(6, buffer:stats().lost)
  end))

  it("reads the CPUs that it is told, with the keys that it is told", needs("root", function()
    local fn, list = rings.collector()
    buffer = assert(lbpf.perf_buffer_raw(object.maps.events, 8, attr(), function(record)
      return fn(record:sub(13))
    end, {cpus = {0}, map_keys = {1}}))
    assert.equal(1, buffer:buffer_cnt())
    perf.send(object, 2) -- no buffer has key 0
    assert.equal(0, buffer:poll(0))
    perf.send(object, 2, 8, 1)
    assert.equal(2, buffer:poll(0))
    assert.same({2, 3}, list)
    assert.equal(2, perf.sent(object))
  end))

  it("leaves one key to one buffer in the process", needs("root", function()
    local opts = {cpus = {0, 0}, map_keys = {0, 1}, cpu_cnt = 1}
    buffer = assert(lbpf.perf_buffer_raw(object.maps.events, 8, attr(), print, opts))
    assert.equal(1, buffer:buffer_cnt())
    local made, _, errno = lbpf.perf_buffer_raw(object.maps.events, 8, attr(), print,
      {cpus = {0, 0}, map_keys = {1, 0}})
    assert.is_nil(made)
    assert.equal(16, errno)
    local other = assert(lbpf.perf_buffer_raw(object.maps.events, 8, attr(), nil,
      {cpus = {0}, map_keys = {1}}))
    perf.send(object, 1, 8, 1)
    assert.is_string(other:next(0))
    other:close()
    made, _, errno = lbpf.perf_buffer(object.maps.events, 8, print)
    assert.is_nil(made)
    assert.equal(16, errno)
  end))

  it("says what the kernel refused", needs("root", function()
    local before = fds.count()
    local made, message, errno, log = lbpf.perf_buffer_raw(object.maps.events, 8, attr(), print,
      {cpus = {100000}, map_keys = {0}})
    assert.is_nil(made)
    assert.matches("^perf_buffer_raw: map 'events': ", message)
    assert.matches("failed to open perf buffer event on cpu #100000", message)
    assert.matches("failed to open perf buffer event on cpu #100000", log)
    assert.is_true(errno > 0)
    assert.equal(before, fds.count())
  end))

  it("checks its arguments", needs("root", function()
    local function refuses(pattern, attributes, opts)
      assert.error_matches(function()
        lbpf.perf_buffer_raw(object.maps.events, 8, attributes, print, opts)
      end, pattern)
    end
    refuses("#3.*table expected", nil)
    -- libbpf would read such a ring from the wrong end, for ever
    refuses("#3.*unknown option 'write_backward'", {write_backward = true})
    refuses("#5.*option 'cpus' must be a list", attr(), {map_keys = {0}})
    refuses("#5.*option 'map_keys' must be a list", attr(), {cpus = {0}})
    refuses("#5.*option 'cpus' must be a list", attr(), {cpu_cnt = 1})
    refuses("#5.*must have the same length", attr(), {cpus = {0}, map_keys = {0, 1}})
    refuses("#5.*must have the same length", attr(), {cpus = {}, map_keys = {}})
    refuses("#5.*option 'cpus': %[1%] is out of range", attr(), {cpus = {"x"}, map_keys = {0}})
    refuses("#5.*option 'map_keys': %[2%] is out of range", attr(),
      {cpus = {0, 1}, map_keys = {0, -1}})
    refuses("#5.*option 'cpu_cnt' is out of range", attr(),
      {cpus = {0}, map_keys = {0}, cpu_cnt = 2})
  end))
end)
