-- Hazard 30: A perf buffer deletes keys of its map by a bare descriptor number. The buffer keeps
-- the map's descriptor open.
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local perf = require "perf"
local rings = require "rings"

describe("a perf buffer", function()
  local object, buffer

  before_each(needs("root", function()
    object = perf.begin()
  end))

  after_each(function()
    perf.finish(object, buffer)
    buffer = nil
  end)

  it("is closed with its object, and leaves nothing", needs("root", function()
    object:close()
    local before = fds.count()
    object = perf.load()
    buffer = assert(lbpf.perf_buffer(object.maps.events, 8, print))
    buffer:epoll_fd()
    perf.send(object, 3)
    object:close()
    assert.equal(before, fds.count())
    assert.equal("lbpf.perf_buffer (closed)", tostring(buffer))
    for _, method in ipairs({"poll", "consume", "consume_buffer", "next", "events", "epoll_fd",
      "pollable", "buffer_cnt", "buffer_fd", "buffer", "stats"}) do
      assert.error_matches(function() buffer[method](buffer, 0) end,
        "^object '.*perf.bpf.o' is closed$")
    end
    assert.is_true(buffer:close())
  end))

  it("keeps its object, if that is forgotten, and goes with it", needs("root", function()
    local fn, list = rings.collector()
    local forgotten = perf.load()
    local one = assert(lbpf.perf_buffer(forgotten.maps.events, 8, fn))
    local order, map, event = forgotten.maps.order, forgotten.maps.events:fd(), one:buffer_fd(0)
    forgotten = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    perf.send({maps = {order = order}}, 2)
    assert.equal(2, one:poll(0))
    assert.same({0, 1}, list)
    assert.equal("anon_inode:bpf-map", fds.list()[map])
    order, one = nil, nil -- luacheck: ignore
    fds.count() -- collects
    assert.is_nil(fds.list()[map])
    assert.is_nil(fds.list()[event])
  end))

  it("deletes no keys of the map that got its map's number", needs("root", function()
    local number = object.maps.events:fd()
    buffer = assert(lbpf.perf_buffer(number, 8, print)) -- which the object does not know
    object:close()
    -- another object's maps take the same numbers
    object = perf.load()
    assert.equal(number, object.maps.events:fd())
    local fn, list = rings.collector()
    local other = assert(lbpf.perf_buffer(object.maps.events, 8, fn))
    buffer:close()
    perf.send(object, 2)
    assert.equal(2, other:poll(0))
    assert.same({0, 1}, list)
  end))

  it("may be collected with its object, in any order", needs("root", function()
    object:close()
    local before = fds.count()
    for _ = 1, 10 do
      local one = perf.load()
      local list = {one, assert(lbpf.perf_buffer(one.maps.events, 8, print))}
      assert.equal(2, #list)
    end
    assert.equal(before, fds.count())
  end))

  it("refuses to go inside its own function, by itself or with its object", needs("root", function()
    local messages = {}
    buffer = assert(lbpf.perf_buffer(object.maps.events, 8, function()
      for i, call in ipairs({{buffer.close, buffer}, {object.close, object},
        {buffer.poll, buffer, 0}, {buffer.next, buffer, 0}}) do
        messages[i] = select(2, pcall(call[1], call[2], call[3]))
      end
      error("enough")
    end))
    perf.send(object, 2)
    assert.error_matches(function() buffer:poll() end, "enough")
    assert.equal("perf buffer is busy: close() inside its own function", messages[1])
    assert.matches("^object '.*' is busy: close%(%) inside its own callback$", messages[2])
    assert.equal("perf buffer is busy: polled inside its own function", messages[3])
    assert.equal("perf buffer is busy: polled inside its own function", messages[4])
    assert.is_true(object:close())
    buffer = nil
  end))
end)
