-- What LuaJIT compiles decodes as the codec in C does. (Elsewhere the two are the same.)

local lbpf = require "lbpf"
local garbage = require "garbage"
local needs = require "needs"
local show = require "show"

local FIELDS = {"kind", "pid", "time", "comm", "outcome", "at", "at[1].x"}

-- What a ring buffer gives of the events that a program sends, and their bytes.
local function events(object, opts, pull)
  local got = {}
  local ring = assert(lbpf.ring_buffer(object.maps.events, function(...)
    got[#got + 1] = show(...)
  end, opts))
  for _ = 1, 40 do
    assert(object.progs.send:test_run())
  end
  if pull then
    local next_event = ring:events(0)
    for i = 1, 40 do
      got[i] = show(next_event())
    end
    assert.is_nil(next_event())
  else
    assert.equal(40, ring:consume())
  end
  local stats = ring:stats()[1]
  assert.equal(40, stats.events)
  assert.equal(40 * 56, stats.bytes)
  assert.equal(0, stats.waiting)
  ring:close()
  return got
end

describe("an event", function()
  local object

  before_each(function()
    object = assert(lbpf.open("build/bpf/typed_events.bpf.o")):load()
  end)

  after_each(function()
    if object then
      object:close()
    end
  end)

  -- The codec in C decodes the bytes of the same events, whose numbers begin anew.
  local function same(opts)
    for _, pull in ipairs {false, true} do
      object.vars.n = 0
      local codec = assert(object:codec("opened", opts))
      local expected = {}
      local ring = assert(lbpf.ring_buffer(object.maps.events, function(bytes)
        expected[#expected + 1] = show(codec:decode(bytes))
      end))
      for _ = 1, 40 do
        assert(object.progs.send:test_run())
      end
      ring:consume()
      ring:close()
      object.vars.n = 0
      local with_type = {type = "opened"}
      for k, v in pairs(opts or {}) do
        with_type[k] = v
      end
      assert.same(expected, events(object, with_type, pull))
    end
  end

  it("is the same table", needs("root", function()
    same()
    same {numbers = true}
    same {enum_names = true}
  end))

  it("has the same fields", needs("root", function()
    same {fields = FIELDS}
    same {fields = FIELDS, numbers = true}
    same {fields = FIELDS, enum_names = true}
    same {fields = {"mode", "pid"}} -- a bit field
  end))

  it("that a function stops at, or raises on, is the last one consumed", needs("root", function()
    local seen = {}
    local ring = assert(lbpf.ring_buffer(object.maps.events, function(pid)
      seen[#seen + 1] = pid
      if pid == 2 then
        return false
      elseif pid == 3 then
        error("three", 0)
      end
    end, {type = "opened", fields = {"pid"}}))
    for _ = 1, 5 do
      assert(object.progs.send:test_run())
    end
    assert.equal(2, ring:consume())
    assert.equal(3, ring:stats()[1].waiting / 64)
    assert.same({false, "three"}, {pcall(ring.consume, ring)})
    assert.equal(1, ring:consume_n(1))
    assert.equal(1, ring:consume())
    assert.same({1, 2, 3, 4, 5}, seen)
    ring:close()
  end))

  it("is not given to a loop while a function of the ring runs, nor after its end",
    needs("root", function()
      local ring, next_event
      ring = assert(lbpf.ring_buffer(object.maps.events, function()
        next_event()
      end, {type = "opened", fields = {"pid"}}))
      next_event = ring:events(0)
      for _ = 1, 2 do
        assert(object.progs.send:test_run())
      end
      local ok, message = pcall(ring.consume, ring)
      assert.is_false(ok)
      assert.matches("ring buffer is busy: polled inside its own function", message)
      assert.equal(2, next_event())
      assert(object.progs.send:test_run())
      ring:close()
      ok, message = pcall(next_event)
      assert.is_false(ok)
      assert.matches("ring buffer is closed", message)
    end))

  local FIELDS_MADE = {"pid", "time", "comm", "at"} -- each of them is an allocation

  local function make(n)
    for _ = 1, n do
      assert(object.progs.send:test_run())
    end
  end

  local function check_whole(pid, time, comm, at)
    local whole = time % 2 ^ 32 == pid and at[1].x == -pid and at[2].y == 2 * pid and
      comm == (pid % 2 == 0 and "even, 15 chars." or "odd")
    assert(whole, "torn: " .. show(pid, time, comm, at))
  end

  if jit then -- luacheck: globals jit
    it("that is pulled stays whole when a finalizer polls the ring", needs("root", function()
      local seen, calls, failure = {}, 0, nil

      local function see(pid, ...)
        check_whole(pid, ...)
        assert(not seen[pid], "twice: " .. pid)
        seen[pid] = true
      end

      local ring = assert(lbpf.ring_buffer(object.maps.events, see,
        {type = "opened", fields = FIELDS_MADE}))

      local function see_any(pid, ...)
        if pid then -- else the loop had taken all of them
          see(pid, ...)
        end
      end

      local function poll()
        local more = 25
        if calls % 3 == 0 then
          see_any(ring:next(0))
          more = 2
        elseif calls % 3 == 1 then
          ring:consume()
        else
          for pid, time, comm, at in ring:events(0) do
            see(pid, time, comm, at)
          end
        end
        make(more) -- over what was there
        see(ring:next(0))
      end

      local function finalizer()
        calls = calls + 1
        local ok, message = pcall(poll)
        failure = failure or not ok and message
        if calls < 400 then
          garbage.drop(finalizer)
        end
      end

      garbage.collecting(function()
        garbage.drop(finalizer)
        while calls < 400 and not failure do
          make(20)
          for pid, time, comm, at in ring:events(0) do
            see(pid, time, comm, at)
          end
        end
      end)
      assert.is_nil(failure or nil)
      ring:consume()
      assert.equal(tonumber(object.vars.n), #seen)
      assert.equal(#seen, ring:stats()[1].events)
      ring:close()
    end))

    it("that is pulled stays whole when a finalizer closes the ring", needs("root", function()
      garbage.collecting(function()
        for _ = 1, 100 do
          local ring = assert(lbpf.ring_buffer(object.maps.events, nil,
            {type = "opened", fields = FIELDS_MADE}))
          local closed
          garbage.drop(function()
            closed = ring:close()
          end)
          local ok, message = pcall(function()
            while not closed do
              make(10)
              for pid, time, comm, at in ring:events(0) do
                check_whole(pid, time, comm, at)
              end
            end
          end)
          assert(ok or message:find("ring buffer is closed", 1, true), message)
        end
      end)
    end))
  end
end)
