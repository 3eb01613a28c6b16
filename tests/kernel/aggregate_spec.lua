-- Aggregates: events that are counted and added up without a call of Lua.

local garbage = require "garbage"
local host = require "host"
local lbpf = require "lbpf"
local needs = require "needs"
local typed = require "typed"

local object

-- An integer in a form that can be compared: those of 64 bits are cdata in LuaJIT.
local function exact(value)
  return (tostring(value):gsub("U?LL$", ""))
end

-- The same of one that Lua 5.3 and newer show with a sign.
local function unsigned(value)
  return math.type and load([[local value = ...
    local tenth = (value >> 1) // 5
    return ("%d%d"):format(tenth, value - 10 * tenth)]])(value) or exact(value)
end

-- The rows by their first key.
local function by_first(rows)
  local map = {}
  for _, row in ipairs(rows) do
    assert.is_nil(map[row[1]])
    map[row[1]] = row
  end
  return map
end

local function ring_of(fn, opts, map)
  return assert(lbpf.ring_buffer(object.maps[map or "events"], fn, opts or {type = "opened"}))
end

-- Has these bytes sent, each string as one event.
local function send(...)
  for _, bytes in ipairs {...} do
    object.vars.sample = bytes .. ("\255"):rep(64 - #bytes)
    object.vars.sample_size = #bytes
    typed.run(object, "send_sample")
  end
end

describe("an aggregate", function()
  it("is declared by names", function()
    local function refused(options)
      return typed.failure(lbpf.aggregate, options)
    end
    assert.matches("bad argument #1 to 'aggregate'.*'bye'", refused {bye = "pid"})
    assert.matches("'by' must be a name or a list", refused {by = 5 > 4})
    assert.matches("'sum': expected names, got", refused {sum = {"a", {}}})
    assert.matches("'hist': expected names, got 7", refused {hist = 7})
    assert.matches("'max_entries' must be from 1", refused {max_entries = 0})
    assert.matches("'max_entries' must be from 1", refused {max_entries = 2 ^ 25})
    local many = {}
    for i = 1, 101 do
      many[i] = "pid"
    end
    assert.matches("more than 100 names", refused {sum = many})
    assert.is_false(pcall(lbpf.aggregate, 5))
  end)
end)

describe("an aggregate of a buffer", function()
  before_each(function()
    object = typed.load()
  end)

  after_each(function()
    object:close()
  end)

  it("has what a function adds up", needs("root", function()
    local fields = {"pid", "comm", "outcome", "at[1].x", "at[2].y"}
    local expected = {}
    local plain = ring_of(function(pid, comm, outcome, x, y)
      local e = expected[comm] or {count = 0, pid = 0, x = 0, y = 0, outcome = outcome, least = 0,
        most = 0, pids = {}}
      expected[comm] = e
      e.count, e.pid, e.x, e.y = e.count + 1, e.pid + pid, e.x + x, e.y + y
      e.least, e.most = math.min(e.least, x), math.max(e.most, pid)
      local bucket = 0
      while 2 ^ bucket <= pid do
        bucket = bucket + 1
      end
      e.pids[bucket] = (e.pids[bucket] or 0) + 1
    end, {type = "opened", fields = fields})
    for _ = 1, 3 do
      typed.run(object, "send", 50)
      assert.equal(50, plain:consume())
    end
    plain:close()

    object.vars.n = 0
    local by_comm = lbpf.aggregate {by = {"comm", "outcome"}, sum = {"pid", "at[1].x"},
      min = "at[1].x", max = {"pid"}, avg = "at[2].y", hist = {"pid", "at[1].x"}}
    local ring = ring_of(by_comm)
    for _ = 1, 3 do
      typed.run(object, "send", 50)
      assert.equal(50, ring:consume())
    end
    local rows = by_first(by_comm:rows())
    for comm, e in pairs(expected) do
      local row = rows[comm]
      rows[comm] = nil
      assert.equal(e.outcome, row[2])
      assert.is_nil(row[3])
      assert.equal(e.count, row.count)
      assert.equal(exact(e.pid), exact(row.sum.pid))
      assert.equal(exact(e.x), exact(row.sum["at[1].x"]))
      assert.equal(e.least, row.min["at[1].x"])
      assert.equal(e.most, row.max.pid)
      assert.equal(e.y / e.count, row.avg["at[2].y"])
      assert.same(e.pids, row.hist.pid)
      assert.same({[-1] = e.count}, row.hist["at[1].x"])
    end
    assert.is_nil(next(rows))
    assert.same({events = 150, dropped = 0, entries = 2}, by_comm:stats())
    assert.same({{events = 150, bytes = 150 * 56, waiting = 0, lost = ring:stats()[1].lost}},
      ring:stats())
    ring:close()
  end))

  it("has all 64 bits", needs("root", function()
    local all = lbpf.aggregate {sum = "time", min = "time", max = "time"}
    local ring = ring_of(all)
    typed.run(object, "send", 3)
    assert.equal(3, ring:consume())
    if not (jit or math.type) then -- which has no such integers
      assert.matches("cannot represent", typed.failure(all.rows, all))
    else
      local row = all:rows()[1]
      assert.equal(3, row.count)
      assert.equal("18200787480104402950", unsigned(row.sum.time)) -- it wraps around
      assert.equal("18364758542507835393", unsigned(row.min.time))
      assert.equal("18364758542507835395", unsigned(row.max.time))
    end
    ring:close()
  end))

  it("has them as numbers, where that is asked for", needs("root", function()
    local all = lbpf.aggregate {max = "time", sum = "pid"}
    local ring = ring_of(all, {type = "opened", numbers = true})
    typed.run(object, "send", 3)
    ring:consume()
    local row = all:rows()[1]
    assert.equal("number", type(row.max.time))
    assert.equal(6, row.sum.pid)
    ring:close()
  end))

  it("counts all events, also without a type", needs("root", function()
    local all = lbpf.aggregate()
    local ring = ring_of(all, {})
    assert.same({}, all:rows())
    typed.run(object, "send", 5)
    assert.equal(5, ring:consume())
    assert.same({{count = 5}}, all:rows())
    assert.is_true(all:reset())
    assert.same({}, all:rows())
    assert.same({events = 0, dropped = 0, entries = 0}, all:stats())
    typed.run(object, "send", 2)
    ring:consume()
    assert.same({{count = 2}}, all:rows())
    ring:close()
    assert.same({{count = 2}}, all:rows())
  end))

  it("takes for one what Lua has as one", needs("root", function()
    local opts = {layout = "struct s { _Bool flag; char name[11]; u32 n; };"}
    local all = lbpf.aggregate {by = {"flag", "name"}, sum = "n"}
    local ring = ring_of(all, opts, "mixed")
    send("\1abc\0\0\0\0\0\0\0\0\1\0\0\0", "\2abc\0tail\0ta\2\0\0\0", "\1abcdefghi\0\0\4\0\0\0",
      "\1abcdefghij\0\8\0\0\0", "\0abc\0\0\0\0\0\0\0\0\16\0\0\0", "\1abcdefghijk\32\0\0\0")
    assert.equal(6, ring:consume())
    local seen = {}
    for i, row in ipairs(all:rows()) do
      seen[i] = {row[1], row[2], row.count, tonumber(row.sum.n)}
    end
    assert.same({{true, "abc", 2, 3}, {true, "abcdefghi", 1, 4}, {true, "abcdefghij", 1, 8},
      {false, "abc", 1, 16}, {true, "abcdefghijk", 1, 32}}, seen)
    ring:close()
  end))

  it("has keys and values of every size", needs("root", function()
    local opts = {bytes = {"raw"}, layout = [[enum e { A = -1, B }; struct s {
      s8 a; u8 b; s16 c; u16 d; s32 e; u32 f; s64 g; u64 h; char raw[3]; s8 i; enum e j; };]]}
    local names = {"a", "b", "c", "d", "e", "f", "g", "h", "raw", "i", "j"}
    local keys = lbpf.aggregate {by = names}
    table.remove(names, 9)
    local values = lbpf.aggregate {sum = names, min = names, hist = names}
    local seen = {}
    local function collect(list)
      for i = 1, 11 do
        seen[#seen + 1] = exact(list[i])
      end
    end
    local minus = ("\255"):rep(32) .. "\0\0\1\255\255\255\255\255"
    local plain = ring_of(function(...)
      collect {...}
    end, {bytes = opts.bytes, layout = opts.layout,
      fields = {"a", "b", "c", "d", "e", "f", "g", "h", "raw", "i", "j"}}, "mixed")
    send(minus)
    assert.equal(1, plain:consume())
    plain:close()
    local ring = ring_of({keys, values}, opts, "mixed")
    send(minus, minus)
    assert.equal(2, ring:consume())
    assert.equal(1, #keys:rows())
    assert.equal(2, keys:rows()[1].count)
    local expected = seen
    seen = {}
    collect(keys:rows()[1])
    assert.same(expected, seen)
    local row = values:rows()[1]
    assert.equal("\0\0\1", table.remove(expected, 9))
    for i, name in ipairs(names) do
      assert.equal(expected[i], exact(row.min[name]))
    end
    for name, bucket in pairs {a = -1, b = 8, c = -1, d = 16, e = -1, f = 32, g = -1, h = 64,
      i = -1, j = -1} do
      assert.same({[bucket] = 2}, row.hist[name])
    end
    assert.equal("-2", exact(row.sum.a))
    assert.equal("510", exact(row.sum.b))
    assert.equal("-2", exact(row.sum.g))
    ring:close()
  end))

  it("has at most so many groups, and counts what it drops", needs("root", function()
    local all = lbpf.aggregate {by = "pid", sum = "pid", max_entries = 100}
    local ring = ring_of(all)
    for _ = 1, 5 do
      typed.run(object, "send", 50)
      assert.equal(50, ring:consume())
    end
    object.vars.n = 90
    typed.run(object, "send", 20) -- ten of these are known
    assert.equal(20, ring:consume())
    assert.same({events = 270, dropped = 160, entries = 100}, all:stats())
    local count, sum = 0, 0
    for i, row in ipairs(all:rows()) do
      assert.equal(i, row[1])
      count, sum = count + row.count, sum + tonumber(row.sum.pid)
    end
    assert.equal(110, count)
    assert.equal(100 * 101 / 2 + (91 + 100) * 10 / 2, sum)
    all:reset()
    typed.run(object, "send", 1)
    ring:consume()
    assert.same({events = 1, dropped = 0, entries = 1}, all:stats())
    ring:close()
  end))

  it("finds thousands of groups again", needs("root", function()
    local all = lbpf.aggregate {by = {"time", "pid"}, max = "pid", max_entries = 3000}
    local ring = ring_of(all)
    for _ = 1, 2 do
      object.vars.n = 0
      for _ = 1, 50 do
        typed.run(object, "send", 60)
        ring:consume()
      end
    end
    assert.same({events = 6000, dropped = 0, entries = 3000}, all:stats())
    for i, row in ipairs(all:rows()) do
      assert.equal(2, row.count)
      assert.equal(i, row[2])
      assert.equal(i, row.max.pid)
    end
    ring:close()
  end))

  it("goes with others, with functions, and with several rings", needs("root", function()
    local outcomes, pids = lbpf.aggregate {by = "outcome"}, lbpf.aggregate {sum = "pid"}
    local lengths = {}
    local ring = ring_of({outcomes, pids})
    assert(ring:add(object.maps.mixed, function(bytes)
      lengths[#lengths + 1] = #bytes
    end))
    typed.run(object, "send", 4)
    send("one", "three")
    assert.equal(6, ring:consume())
    assert.same({{0, count = 2}, {1, count = 2}}, (function()
      local rows = outcomes:rows()
      table.sort(rows, function(a, b)
        return a[1] < b[1]
      end)
      return rows
    end)())
    assert.equal(10, tonumber(pids:rows()[1].sum.pid))
    assert.same({3, 5}, lengths)
    assert.equal(4, ring:stats()[1].events)
    assert.equal(2, ring:stats()[2].events)
    ring:close()

    pids:reset()
    ring = ring_of(pids)
    assert(ring:add(object.maps.mixed, pids, {type = "opened"}))
    object.vars.n = 0
    typed.run(object, "send", 3)
    typed.run(object, "send_mixed") -- of the same type
    assert.equal(4, ring:consume())
    assert.equal(10, tonumber(pids:rows()[1].sum.pid))
    ring:close()
  end))

  it("refuses an event that is too short, and loses no other", needs("root", function()
    local all = lbpf.aggregate {sum = "result"}
    local ring = ring_of(all, {type = "closed"}, "mixed")
    typed.run(object, "send_mixed", 7) -- the third and the sixth have one byte
    assert.equal(2, ring:consume_n(2))
    assert.matches("^an event has 1 bytes, and its type 16", typed.failure(ring.consume, ring))
    while not pcall(ring.consume, ring) do
      assert.is_true(all:stats().events <= 5)
    end
    assert.equal(5, all:stats().events)
    assert.equal(5, all:rows()[1].count)
    assert.equal(7, ring:stats()[1].events)
    ring:close()

    local names = lbpf.aggregate {by = "name"}
    ring = ring_of(names, {layout = "struct s { u32 n; char name[16]; };"}, "mixed")
    send("\0\0\0\0abc", "\0\0\0\0abcdefghi", "\0\0\0\0abc\0", "\0\0\0\0")
    assert.equal(4, ring:consume())
    local rows = by_first(names:rows()) -- fields are read as far as an event reaches
    assert.equal(2, rows.abc.count)
    assert.equal(1, rows.abcdefghi.count)
    assert.equal(1, rows[""].count)
    ring:close()
  end))

  it("takes as many events as asked for", needs("root", function()
    local all = lbpf.aggregate()
    local ring = ring_of(all)
    typed.run(object, "send", 10)
    assert.equal(3, ring:consume_n(3))
    assert.equal(3, all:stats().events)
    assert.equal(7 * 64, ring:stats()[1].waiting)
    assert.equal(7, ring:consume_n(100))
    assert.equal(0, ring:poll(0))
    typed.run(object, "send", 1)
    assert.equal(1, ring:poll(10000))
    ring:close()
  end))

  it("is not pulled", needs("root", function()
    local ring = ring_of(lbpf.aggregate())
    typed.run(object, "send", 1)
    assert.matches("has an aggregate: use poll%(%) or consume%(%)",
      typed.failure(ring.next, ring, 0))
    assert.matches("has an aggregate", typed.failure(ring:events(0)))
    assert.equal(1, ring:consume())
    ring:close()
  end))

  it("may be a perf buffer's", needs("root", function()
    local all = lbpf.aggregate {by = "outcome", sum = "pid"}
    local buffer = assert(lbpf.perf_buffer(object.maps.perf, 8, all, nil, {type = "opened"}))
    typed.run(object, "send_perf", 6)
    assert.equal(6, buffer:consume())
    local rows = by_first(all:rows())
    assert.equal(9, tonumber(rows[0].sum.pid))
    assert.equal(12, tonumber(rows[1].sum.pid))
    assert.equal(6, buffer:stats().events)
    buffer:close()
  end))

  it("outlives its buffer, and the buffer it", needs("root", function()
    local all = lbpf.aggregate {by = "comm"}
    local ring = ring_of(all)
    typed.run(object, "send", 2)
    ring:consume()
    ring:close()
    assert.equal(2, #all:rows())
    ring = ring_of(lbpf.aggregate {by = "comm"})
    collectgarbage()
    collectgarbage()
    typed.run(object, "send", 2)
    assert.equal(2, ring:consume())
    ring:close()
  end))

  it("is read while finalizers add to it and reset it", needs("root", function()
    local all = lbpf.aggregate {by = {"comm", "pid"}, sum = "pid"}
    local ring = ring_of(all)
    local calls = 0
    garbage.collecting(function()
      for i = 1, 200 do
        typed.run(object, "send", 20)
        ring:consume()
        for _ = 1, 5 do
          garbage.drop(function()
            calls = calls + 1
            if i % 3 == 0 then
              all:reset()
            end
            typed.run(object, "send", 20)
            ring:consume()
          end)
        end
        for _, row in ipairs(all:rows()) do
          assert(row[1] == "odd" and row[2] % 2 == 1 or row[1]:find("^even") and row[2] % 2 == 0)
          assert(row.count * row[2] == tonumber(row.sum.pid))
        end
        if i % 7 == 0 then
          object.vars.n = 0
        end
      end
    end)
    assert.is_true(calls > 0)
    collectgarbage()
    collectgarbage()
    ring:close()
  end))

  it("needs fields that are keys, and integers", needs("root", function()
    local function refused(options, opts, map)
      return typed.failure(ring_of, lbpf.aggregate(options), opts, map)
    end
    assert.matches("bad argument #3 to .*there is no 'pids'; it has: .*pid", refused {by = "pids"})
    assert.matches("cannot use field 'mode'", refused {by = "mode"})
    assert.matches("cannot use field 'mode'", refused {sum = "mode"})
    assert.matches("cannot use field 'comm': it must be an integer, and", refused {sum = "comm"})
    assert.matches("cannot use field 'at'", refused {by = "at"})
    assert.matches("cannot use field 'at%[1%]'", refused {by = "at[1]"})
    assert.matches("cannot use field 'x'",
      refused({by = "x"}, {layout = "struct s { double x; };"}, "mixed"))
    assert.matches("cannot use field 'rest'",
      refused({by = "rest"}, {layout = "struct s { u32 n; char rest[]; };"}, "mixed"))
    assert.matches("cannot use field 'rest%[n%]'",
      refused({by = "rest[n]"}, {layout = "struct s { u32 n; char rest[8]; };"}, "mixed"))
    assert.matches("share bytes", refused({by = {"a", "b"}},
      {layout = "struct s { union { u32 a; char b[8]; }; };"}, "mixed"))
    assert.matches("fields of events need option 'type' or 'layout'", refused({by = "pid"}, {}))
    assert.matches("option 'type': no type 'opend'", refused({by = "pid"}, {type = "opend"}))
    assert.matches("needs events of one type", refused({}, {type = print}))
    for option, value in pairs {fields = {"pid"}, reuse = true, batch = true} do
      assert.matches("are for functions", refused({}, {type = "opened", [option] = value}))
    end
    local used = lbpf.aggregate {by = "pid"}
    ring_of(used):close()
    assert.matches("lie elsewhere", typed.failure(ring_of, used, {type = "closed", layout =
      "struct closed { u64 pid; };"}, "mixed"))
    ring_of(used):close()
  end))

  it("is what a buffer may have in place of a function", needs("root", function()
    for _, wrong in ipairs {5, "pid", {}, {print}, {lbpf.aggregate(), 7}, object} do
      assert.matches("expected a function, an aggregate",
        typed.failure(lbpf.ring_buffer, object.maps.events, wrong))
      assert.matches("expected a function, an aggregate",
        typed.failure(lbpf.perf_buffer, object.maps.perf, 8, wrong))
    end
    local ring = ring_of(print)
    assert.matches("expected a function, an aggregate",
      typed.failure(ring.add, ring, object.maps.mixed, true))
    ring:close()
  end))

  -- tests/embed/faults.c has the n-th allocation fail.
  it("drops and counts what it has no memory for", needs("root", function()
    assert.equal("", host.output("faults", [[
      local lbpf, typed = require "lbpf", require "typed"
      local object = typed.load()
      for n = 1, 12 do
        local all = lbpf.aggregate {by = "pid", hist = "pid"}
        local ring = assert(lbpf.ring_buffer(object.maps.events, all, {type = "opened"}))
        object.vars.n = 0
        typed.run(object, "send", 60)
        faults.arm("malloc", n, 1)
        local ok = pcall(ring.consume, ring)
        faults.disarm()
        ring:consume()
        local stats, count = all:stats(), 0
        for _, row in ipairs(all:rows()) do
          assert(row.count == 1)
          count = count + 1
        end
        assert(stats.events == 60 and count + stats.dropped == 60 and count == stats.entries, n)
        ring:close()
      end ]]))
  end))
end)
