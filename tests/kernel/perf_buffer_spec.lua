-- Perf buffers: the events of BPF programs, each CPU's in order, and the news of those lost.
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local perf = require "perf"
local rings = require "rings"

describe("perf_buffer", function()
  local object, buffer

  before_each(needs("root", function()
    object = perf.begin()
  end))

  after_each(function()
    perf.finish(object, buffer)
    buffer = nil
  end)

  -- Makes the spec's perf buffer, which collects into the list that is returned.
  local function collect(pages, opts)
    local fn, list = rings.collector()
    buffer = assert(lbpf.perf_buffer(object.maps.events, pages or 8, fn, nil, opts))
    return list
  end

  it("delivers all events in order, with poll and consume", needs("root", function()
    local list = collect()
    perf.send(object, 3)
    assert.equal(3, buffer:poll())
    perf.send(object, 2)
    assert.equal(2, buffer:poll(60000))
    perf.send(object, 2)
    assert.equal(2, buffer:poll(0))
    perf.send(object, 1)
    assert.equal(1, buffer:consume())
    assert.equal(0, buffer:consume())
    assert.equal(0, buffer:poll(0))
    assert.equal(0, buffer:poll(1))
    assert.same(rings.range(0, 7), list)
  end))

  it("gives the function an event's bytes, as the kernel pads them, and its CPU", needs("root",
    function()
      local args = {}
      buffer = assert(lbpf.perf_buffer(object.maps.events, 8, function(...)
        args[#args + 1] = {n = select("#", ...), ...}
      end))
      local cpus = 0
      while perf.pin(cpus) do
        perf.send(object, 1, 20)
        cpus = cpus + 1
      end
      assert.equal(cpus, buffer:buffer_cnt())
      assert.equal(cpus, buffer:poll())
      table.sort(args, function(a, b) return a[1] < b[1] end)
      for cpu = 0, cpus - 1 do
        assert.same({n = 2, string.char(cpu) .. ("\0"):rep(19), cpu}, args[cpu + 1])
      end
      perf.pin(0)
      perf.send(object, 1, 16)
      assert.equal(1, buffer:poll())
      assert.equal(20, #args[#args][1])
    end))

  it("tells of events that were lost", needs("root", function()
    local delivered, lost, cpus = 0, 0, {}
    buffer = assert(lbpf.perf_buffer(object.maps.events, 1, function()
      delivered = delivered + 1
    end, function(count, cpu)
      lost = lost + count
      cpus[cpu] = true
    end))
    perf.send(object, 50, 1000)
    assert.equal(4, buffer:poll()) -- as many as a page holds
    assert.equal(0, lost)
    perf.send(object, 1, 8) -- the kernel tells with the next one
    assert.equal(1, buffer:poll())
    assert.equal(46, lost)
    assert.same({[0] = true}, cpus)
    assert.equal(5, delivered)
    assert.equal(5, perf.sent(object))
    assert.equal(46, buffer:stats().lost)
  end))

  it("counts lost events without a function for them", needs("root", function()
    collect(1)
    perf.send(object, 50, 1000)
    buffer:poll()
    perf.send(object, 1)
    assert.equal(1, buffer:poll())
    assert.same({events = 5, bytes = 4 * 1004 + 12, lost = 46, waiting = 0}, buffer:stats())
  end))

  it("tells how much waits", needs("root", function()
    collect(64)
    perf.send(object, 3)
    assert.same({events = 0, bytes = 0, lost = 0, waiting = 3 * 24}, buffer:stats())
    assert.is_string(buffer:next(0))
    assert.same({events = 1, bytes = 12, lost = 0, waiting = 2 * 24}, buffer:stats())
  end))

  it("ends a call when the function returns false, and keeps the rest", needs("root", function()
    local list = {}
    buffer = assert(lbpf.perf_buffer(object.maps.events, 8, function(bytes)
      list[#list + 1] = rings.number(bytes)
      return #list ~= 3
    end))
    perf.send(object, 5)
    assert.equal(3, buffer:poll())
    assert.equal(2, buffer:poll(0))
    assert.same(rings.range(0, 4), list)
  end))

  it("raises what the function raised, and keeps the rest", needs("root", function()
    local list, reason = {}, {}
    buffer = assert(lbpf.perf_buffer(object.maps.events, 8, function(bytes)
      list[#list + 1] = rings.number(bytes)
      if #list == 2 then
        error(reason)
      end
    end))
    perf.send(object, 5)
    local ok, raised = pcall(buffer.poll, buffer)
    assert.is_false(ok)
    assert.equal(reason, raised)
    assert.equal(3, buffer:poll())
    assert.same(rings.range(0, 4), list)
  end))

  it("copies no more than a batch ahead", needs("root", function()
    local list, left = {}, nil
    buffer = assert(lbpf.perf_buffer(object.maps.events, 256, function(bytes)
      if #list == 0 then -- the kernel's positions of what was written and read
        local page = buffer:buffer(0)
        left = rings.number(page:sub(1025, 1032)) - rings.number(page:sub(1033, 1040))
      end
      list[#list + 1] = rings.number(bytes)
    end))
    perf.send(object, 1000, 1000)
    assert.equal(1000, perf.sent(object))
    assert.equal(1000, buffer:poll())
    assert.same(rings.range(0, 999), list)
    assert.is_true(left > 600000, left)
  end))

  it("ends a call in a flood on one CPU, and has read the others", needs("root", function()
    local calls, cpus = 0, {}
    buffer = assert(lbpf.perf_buffer(object.maps.events, 128, function(_, cpu)
      calls = calls + 1
      cpus[cpu] = true
      perf.send(object, 2, 1000)
    end))
    local last = buffer:buffer_cnt() - 1
    for cpu = last, 0, -1 do
      perf.pin(cpu)
      perf.send(object, 1)
    end
    perf.send(object, 400, 1000) -- more than a batch
    local delivered = buffer:poll()
    assert.equal(calls, delivered)
    assert.is_true(buffer:stats().waiting > 0)
    assert.is_true(cpus[last])
  end))

  it("becomes readable after sample_period events", needs("root",
    function()
      local list = collect(8, {sample_period = 5})
      local fd = buffer:epoll_fd()
      perf.send(object, 4)
      assert.is_false(rings.readable(fd))
      perf.send(object, 1)
      assert.is_true(rings.readable(fd))
      assert.equal(5, buffer:poll())
      perf.send(object, 2)
      assert.equal(2, buffer:poll(0)) -- which does not wait
      assert.same(rings.range(0, 6), list)
    end))

  it("is readable by its epoll_fd when events came, and while some wait", needs("root", function()
    local list = {}
    buffer = assert(lbpf.perf_buffer(object.maps.events, 8, function(bytes)
      list[#list + 1] = rings.number(bytes)
      return #list ~= 2
    end))
    local fd = buffer:epoll_fd()
    assert.equal(fd, buffer:epoll_fd())
    assert.equal("anon_inode:[eventpoll]", fds.list()[fd])
    assert.is_false(rings.readable(fd))
    perf.send(object, 5)
    assert.is_true(rings.readable(fd)) -- the kernel tells once
    assert.equal(2, buffer:poll(0))
    assert.is_true(rings.readable(fd))
    assert.is_true(rings.readable(fd))
    assert.equal(3, buffer:poll())
    assert.is_false(rings.readable(fd))
    assert.same({pollfd = fd, events = "r"}, buffer:pollable())
  end))

  it("reads the buffer of one CPU", needs("root", function()
    local seen = {}
    buffer = assert(lbpf.perf_buffer(object.maps.events, 8, function(_, cpu)
      seen[#seen + 1] = cpu
    end))
    local last = buffer:buffer_cnt() - 1
    for cpu = 0, last do
      assert.is_true(perf.pin(cpu))
      perf.send(object, 2)
    end
    for cpu = last, 0, -1 do
      assert.equal(2, buffer:consume_buffer(cpu))
      assert.equal(cpu, seen[#seen])
      assert.equal(0, buffer:consume_buffer(cpu))
    end
    assert.equal(0, buffer:consume())
  end))

  it("shows its buffers", needs("root", function()
    collect(2)
    local page = 4096
    assert.equal("anon_inode:[perf_event]", fds.list()[buffer:buffer_fd(0)])
    assert.equal(3 * page, #buffer:buffer(0))
    perf.send(object, 1)
    local copy = buffer:buffer(0)
    assert.equal(24, rings.number(copy:sub(1025, 1032))) -- data_head
    assert.equal("\9\0\0\0", copy:sub(page + 1, page + 4)) -- PERF_RECORD_SAMPLE
    for _, method in ipairs({"consume_buffer", "buffer_fd", "buffer"}) do
      assert.error_matches(function() buffer[method](buffer, buffer:buffer_cnt()) end,
        "is not in 0 to")
      assert.error_matches(function() buffer[method](buffer, -1) end, "is not in 0 to")
    end
  end))

  it("gives events one by one", needs("root", function()
    local lost = 0
    buffer = assert(lbpf.perf_buffer(object.maps.events, 1, nil, function(count)
      lost = lost + count
    end))
    assert.equal("nil", tostring(buffer:next(0)))
    assert.equal("nil", tostring(buffer:next(1)))
    perf.send(object, 6, 1000)
    local numbers = {}
    for bytes, cpu in buffer:events(0) do
      numbers[#numbers + 1] = rings.number(bytes)
      assert.equal(0, cpu)
    end
    assert.same(rings.range(0, 3), numbers)
    perf.send(object, 1)
    local bytes, cpu = buffer:next()
    assert.equal(6, rings.number(bytes))
    assert.equal(0, cpu)
    assert.equal(2, lost)
    perf.send(object, 2)
    assert.error_matches(function() buffer:poll() end,
      "perf buffer has no function: use next%(%) or events%(%)")
    assert.equal(7, rings.number((buffer:next())))
    assert.equal(8, rings.number((buffer:next())))
  end))

  it("reads a map by its descriptor, also after the object is closed", needs("root", function()
    local fn, list = rings.collector()
    buffer = assert(lbpf.perf_buffer(object.maps.events:fd(), 8, fn))
    perf.send(object, 2)
    object:close()
    assert.equal(2, buffer:poll())
    assert.same({0, 1}, list)
  end))

  it("leaves no descriptor behind, closed or forgotten", needs("root", function()
    local before = fds.count()
    for _ = 1, 5 do
      collect()
      buffer:epoll_fd()
      assert.is_true(fds.count() > before)
      assert.is_true(buffer:close())
      assert.equal(before, fds.count())
    end
    for _ = 1, 5 do
      collect()
      buffer = nil
      collectgarbage() -- or the map would still be taken
      collectgarbage()
    end
    assert.equal(before, fds.count())
  end))

  it("reads no more than it is asked to, ahead or with consume_n", needs("root", function()
    local list = collect(8)
    perf.send(object, 6)
    assert.equal(2, buffer:consume_n(2))
    assert.same({0, 1}, list)
    assert.equal(4 * 24, buffer:stats().waiting)
    local function read_ahead() -- what the kernel has written, less what was read
      local page = buffer:buffer(0)
      return rings.number(page:sub(1033, 1040)) / 24
    end
    assert.equal(2, read_ahead())
    assert.equal(2, rings.number((buffer:next(0, 1))))
    assert.equal(3, read_ahead())
    assert.equal(3, rings.number((buffer:next(0))))
    assert.equal(6, read_ahead())
    assert.equal(2, buffer:consume_n(5))
    assert.same({0, 1, 4, 5}, list)
    assert.error_matches(function() buffer:consume_n(0) end, "#1.*0 is not in 1 to")
    assert.error_matches(function() buffer:next(0, 0) end, "#2.*0 is not in 1 to")
  end))

  it("says so when it is closed", needs("root", function()
    collect()
    assert.equal("lbpf.perf_buffer", tostring(buffer))
    buffer:close()
    assert.is_true(buffer:close())
    assert.equal("lbpf.perf_buffer (closed)", tostring(buffer))
    for _, method in ipairs({"poll", "consume", "consume_n", "consume_buffer", "next", "events",
      "epoll_fd", "pollable", "buffer_cnt", "buffer_fd", "buffer", "stats"}) do
      assert.error_matches(function() buffer[method](buffer, 0) end, "^perf buffer is closed$")
    end
  end))

  it("refuses a map of another type, and one that this process reads", needs("root", function()
    local before = fds.count()
    local made, message, errno = lbpf.perf_buffer(object.maps.order, 8, print)
    assert.is_nil(made)
    assert.equal("perf_buffer: map 'order': Invalid argument (EINVAL)", message)
    assert.equal(22, errno)
    made, message = lbpf.perf_buffer(object.maps.order:fd(), 8, print)
    assert.is_nil(made)
    assert.equal(("perf_buffer: map of descriptor %d: Invalid argument (EINVAL)")
      :format(object.maps.order:fd()), message)
    assert.equal(before, fds.count())
    local list = collect()
    made, message, errno = lbpf.perf_buffer(object.maps.events, 8, print)
    assert.is_nil(made)
    assert.equal("perf_buffer: map 'events': Device or resource busy (EBUSY); only one "
      .. "perf buffer per process may read a map", message)
    assert.equal(16, errno)
    perf.send(object, 1)
    assert.equal(1, buffer:poll())
    assert.same({0}, list)
  end))

  it("checks its arguments", needs("root", function()
    local events = object.maps.events
    local function try(...)
      local args = {n = select("#", ...), ...}
      return function()
        lbpf.perf_buffer((table.unpack or unpack)(args, 1, args.n)) -- luacheck: ignore
      end
    end
    assert.error_matches(try(object, 8, print), "lbpf.map expected")
    assert.error_matches(try(events), "#2.*expected an integer")
    assert.error_matches(try(events, 0), "#2.*0 is not in 1 to")
    assert.error_matches(try(events, 3), "#2.*the number of pages must be a power of two")
    assert.error_matches(try(events, 8, {}), "#3.*expected a function")
    assert.error_matches(try(events, 8, print, 5), "#4.*function expected")
    assert.error_matches(try(events, 8, print, nil, {period = 1}), "#5.*unknown option 'period'")
    assert.error_matches(try(events, 8, print, nil, {sample_period = -1}), "#5.*out of range")
    collect()
    assert.error_matches(function() buffer:poll(-2) end, "#1.*%-2 is not in %-1 to")
    assert.error_matches(function() buffer:events("soon") end, "#1.*expected an integer")
  end))
end)
