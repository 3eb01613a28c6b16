-- Hazard 26: A ring buffer must not be closed, extended or polled inside its own callback. These
-- calls raise.
local lbpf = require "lbpf"
local needs = require "needs"
local rings = require "rings"

describe("inside a ring buffer's function", function()
  local object, ring

  before_each(function()
    object = rings.load()
  end)

  after_each(function()
    ring:close()
    object:close()
  end)

  -- Runs BODY inside the function, at each of three events; the errors that it raised.
  local function inside(body)
    local errors, n = {}, 0
    ring = assert(lbpf.ring_buffer(object.maps.first, function()
      n = n + 1
      local _, message = pcall(body)
      errors[n] = message or false
    end))
    rings.send(object, 3)
    assert.equal(3, ring:poll())
    assert.equal(3, n)
    rings.send(object, 1)
    assert.equal(1, ring:poll())
    return errors
  end

  for method, call in pairs({
    close = function() ring:close() end,
    add = function() ring:add(object.maps.second, print) end,
    poll = function() ring:poll(0) end,
    consume = function() ring:consume() end,
    consume_n = function() ring:consume_n(1) end,
  }) do
    it(method .. " is refused", needs("root", function()
      local errors = inside(call)
      for i = 1, 4 do
        assert.matches("ring buffer is busy: ", errors[i])
      end
    end))
  end

  it("dropping and collecting it waits", needs("root", function()
    local n = 0
    do
      local holder = {assert(lbpf.ring_buffer(object.maps.second, function()
        n = n + 1
        collectgarbage()
        collectgarbage()
      end))}
      ring = {close = function() end}
      rings.send(object, 0, 3)
      local poll = holder[1].poll
      assert.equal(3, poll(table.remove(holder)))
    end
    assert.equal(3, n)
    collectgarbage()
    collectgarbage()
    ring = assert(lbpf.ring_buffer(object.maps.second, print))
  end))

  it("the object can be closed", needs("root", function()
    local errors = inside(function() object.maps.first:fd() end)
    assert.same({false, false, false, false}, errors)
    ring:close()
    local list = {}
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      list[#list + 1] = rings.number(bytes)
      object:close()
    end))
    rings.send(object, 3)
    assert.equal(3, ring:poll())
    assert.equal(3, #list)
  end))

  it("another ring buffer can be polled", needs("root", function()
    local fn, list = rings.collector()
    local other = assert(lbpf.ring_buffer(object.maps.second, fn))
    ring = assert(lbpf.ring_buffer(object.maps.first, function()
      rings.send(object, 0, 1)
      assert(other:poll())
    end))
    rings.send(object, 3)
    assert.equal(3, ring:poll())
    assert.same({3, 4, 5}, list)
    other:close()
  end))

  it("a coroutine that yields gets an error, and loses one event", needs("root", function()
    local list = {}
    ring = assert(lbpf.ring_buffer(object.maps.first, function(bytes)
      list[#list + 1] = rings.number(bytes)
      if #list == 1 then
        coroutine.yield()
      end
    end))
    rings.send(object, 3)
    local co = coroutine.create(function() return ring:poll() end)
    local ok, message = coroutine.resume(co)
    assert.is_false(ok)
    assert.matches("attempt to yield", message)
    assert.equal(2, ring:poll(0))
    assert.same({0, 1, 2}, list)
  end))
end)
