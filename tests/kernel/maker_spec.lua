-- Structures without other tables in them, which Lua code makes of their members' values.

local garbage = require "garbage"
local lbpf = require "lbpf"
local needs = require "needs"
local typed = require "typed"

local LAYOUT = [[struct line { u32 number; char name[8]; u8 until; u64 end; };]]
local HEAD = "struct head { u32 kind, pid, low, high; char comm[16]; };"

local object, codec

local function bytes(number, name)
  return codec:encode {number = number, name = name or "n" .. number, ["until"] = 7, ["end"] = 9}
end

-- Sends bytes as an event.
local function send(data)
  object.vars.sample = data .. ("\0"):rep(64 - #data)
  object.vars.sample_size = #data
  typed.run(object, "send_sample")
end

local function send_lines(first, last)
  for number = first, last do
    send(bytes(number))
  end
end

local function check(number, e)
  local end_, until_ = e["end"], e["until"]
  assert.same({number, "n" .. number, 7, 9}, {e.number, e.name, until_, tonumber(end_)})
end

-- Metatables that a finalizer sets while a function runs that allocates something.
-- @return a function (t, fn) that returns FN's result; how often metamethods were called, and how
-- often a metatable was set: functions
local function watch_metatables()
  local calls, sets, victim = 0, 0, nil
  local metatable = {__newindex = function()
    calls = calls + 1
  end}
  local function set(t, fn)
    local result
    garbage.collecting(function()
      collectgarbage "stop"
      garbage.drop(function()
        if victim then
          sets = sets + 1
          setmetatable(victim, metatable)
        end
      end)
      victim = t
      collectgarbage "restart"
      result = fn()
      collectgarbage "stop"
      victim = nil
      setmetatable(t, nil)
    end)
    return result
  end
  return set, function() return calls end, function() return sets end
end

local function open(fn, opts)
  opts = opts or {}
  opts.layout = opts.layout or LAYOUT
  return assert(lbpf.ring_buffer(object.maps.mixed, fn, opts))
end

describe("a structure", function()
  before_each(function()
    object = typed.load()
    codec = assert(object:codec("line", {layout = LAYOUT}))
  end)

  after_each(function()
    object:close()
  end)

  it("is passed to a function, a new one or the same again", needs("root", function()
    for _, reuse in ipairs {false, true} do
      local seen, tables, n = {}, 0, 0
      local ring = open(function(e, ...)
        n = n + 1
        check(n, e)
        assert.equal(0, select("#", ...))
        if not seen[e] then
          seen[e], tables = true, tables + 1
        end
        return n ~= 30
      end, {reuse = reuse})
      send_lines(1, 60)
      assert.equal(30, ring:consume()) -- which false ended
      assert.equal(30, ring:consume())
      assert.equal(reuse and 1 or 60, tables)
      ring:close()
    end
  end))

  it("is pulled, a new one or the same again", needs("root", function()
    for _, reuse in ipairs {false, true} do
      local seen, tables, n = {}, 0, 1
      local ring = open(nil, {reuse = reuse})
      send_lines(1, 60)
      assert.matches("has no function: use next%(%) or events%(%)",
        typed.failure(ring.consume, ring))
      local first = ring:next(0)
      check(1, first)
      for e, more in ring:events(0) do
        n = n + 1
        check(n, e)
        assert.is_nil(more)
        assert.equal(reuse, first == e)
        if not seen[e] then
          seen[e], tables = true, tables + 1
        end
      end
      assert.equal(60, n)
      assert.equal(reuse and 1 or 59, tables)
      ring:close()
    end
  end))

  it("of a perf buffer comes with the CPU", needs("root", function()
    for _, reuse in ipairs {false, true} do
      object.vars.n = 0
      local seen = {}
      local buffer = assert(lbpf.perf_buffer(object.maps.perf, 1, function(e, cpu)
        seen[#seen + 1] = {e.pid, e.comm, math.type and math.type(cpu) or type(cpu)}
      end, nil, {layout = HEAD, reuse = reuse}))
      typed.run(object, "send_perf", 2)
      assert.equal(2, buffer:consume())
      typed.run(object, "send_perf", 2)
      for e, cpu in buffer:events(0) do
        seen[#seen + 1] = {e.pid, e.comm, math.type and math.type(cpu) or type(cpu)}
      end
      local number = math.type and "integer" or "number"
      assert.same({{1, "odd", number}, {2, "even, 15 chars.", number}, {3, "odd", number},
        {4, "even, 15 chars.", number}}, seen)
      buffer:close()
    end
  end))

  it("does not change what other events of the buffer are", needs("root", function()
    local ring = open(nil, {reuse = true})
    assert(ring:add(object.maps.events, nil, {layout = HEAD, fields = {"pid", "comm"}}))
    send_lines(1, 2)
    typed.run(object, "send", 2)
    local seen = {}
    for a, b in ring:events(0) do
      seen[#seen + 1] = b and {a, b} or a.number
    end
    assert.same({1, 2, {1, "odd"}, {2, "even, 15 chars."}}, seen)
    ring:close()
  end))

  it("keeps the bytes that its values do not say, and no others", needs("root", function()
    local clean = bytes(1)
    local dirty = clean:sub(1, 7) .. "x" .. clean:sub(9) -- in the name, after its zero
    local sent = {dirty, bytes(2), dirty, bytes(3)}
    for _, reuse in ipairs {false, true} do
      local read = {}
      local ring = open(function(e)
        read[#read + 1] = codec:encode(e)
      end, {reuse = reuse})
      for _, data in ipairs(sent) do
        send(data)
      end
      ring:consume()
      ring:close()
      ring = open(nil, {reuse = reuse})
      for _, data in ipairs(sent) do
        send(data)
      end
      for e in ring:events(0) do
        read[#read + 1] = codec:encode(e)
      end
      ring:close()
      assert.same({sent[1], sent[2], sent[3], sent[4], sent[1], sent[2], sent[3], sent[4]}, read)
    end
  end))

  it("calls no metamethods", needs("root", function()
    local calls = 0
    local function call()
      calls = calls + 1
    end
    local strict = {__newindex = call, __index = call}
    local n = 0
    local ring = open(function(e)
      n = n + 1
      assert.equal(n, rawget(e, "number"))
      rawset(e, "number", nil)
      setmetatable(e, strict)
    end, {reuse = true})
    send_lines(1, 60)
    assert.equal(60, ring:consume())
    ring:close()
    ring, n = open(nil, {reuse = true}), 0
    send_lines(1, 60)
    for e in ring:events(0) do
      n = n + 1
      assert.equal(n, rawget(e, "number"))
      rawset(e, "number", nil)
      setmetatable(e, strict)
    end
    assert.equal(60, n)
    assert.equal(0, calls)
    ring:close()
  end))

  it("calls none that a finalizer sets while it is pulled", needs("root", function()
    local ring = open(nil, {reuse = true})
    local step = ring:events(0)
    send_lines(1, 40)
    local e = step()
    local set, calls, sets = watch_metatables()
    collectgarbage() -- so that Lua makes each name when it is read
    for number = 2, 40 do
      e.number = nil
      assert.equal(e, set(e, step))
      assert.equal(number, rawget(e, "number"))
    end
    assert.is_true(sets() > 10)
    assert.equal(0, calls())
    ring:close()
  end))

  it("calls none that a finalizer sets where the stack grows", needs({"root", "no jit"}, function()
    local names = {}
    for i = 1, 50 do
      names[i] = "m" .. i
    end
    local reused
    local ring = open(function(e)
      reused = e
    end, {layout = "struct line { u8 " .. table.concat(names, ", ") .. "; };", reuse = true})
    local line = ("\1"):rep(50)
    send(line)
    ring:consume()
    local set, calls = watch_metatables()
    local function consume(depth)
      if depth > 0 then
        return 1 + consume(depth - 1) -- so that there is less place each time
      end
      send(line)
      reused.m7 = nil
      set(reused, function()
        ring:consume()
      end)
      assert.equal(1, rawget(reused, "m7"))
      return 0
    end
    for depth = 1, 60 do
      assert(coroutine.resume(coroutine.create(consume), depth)) -- with a small stack
    end
    assert.equal(0, calls())
    ring:close()
  end))

  it("may have more members than a function has arguments", needs("root", function()
    local names = {}
    for i = 1, 60 do
      names[i] = "m" .. i
    end
    local layout = "struct line { u8 " .. table.concat(names, ", ") .. "; };"
    local sum = 0
    local ring = open(function(e)
      for i = 1, 60 do
        sum = sum + e["m" .. i]
      end
    end, {layout = layout, reuse = true})
    send(("\1"):rep(60))
    assert.equal(1, ring:consume())
    assert.equal(60, sum)
    ring:close()
  end))

  it("is made by C where there is no such code", needs({"root", "no jit"}, function()
    local n = 0
    lbpf.set_maker(function() end)
    local ring = open(function(e)
      n = n + 1
      check(n, e)
    end, {reuse = true})
    lbpf.set_maker(require "lbpf.later" "lbpf.maker")
    send_lines(1, 3)
    assert.equal(3, ring:consume())
    send_lines(4, 6)
    for e in ring:events(0) do
      n = n + 1
      check(n, e)
    end
    assert.equal(6, n)
    assert.is_false((require "lbpf.later" "lbpf.no_such_module")())
    ring:close()
  end))

  it("in an error's message is where the function is", needs("root", function()
    local ring = open(function()
      error "no"
    end)
    send_lines(1, 2)
    assert.matches("^tests/kernel/maker_spec.lua:%d+: no", typed.failure(ring.consume, ring))
    send("short")
    assert.matches("an event has 5 bytes, and its type 24", typed.failure(function()
      while ring:next(0) do
      end
    end))
    ring:close()
  end))

  it("is read once, if a finalizer reads others meanwhile", needs("root", function()
    local ring = open(nil, {reuse = true})
    local step = ring:events(0)
    local seen, is_inside, inside = {}, false, 0
    local function see(e)
      assert.is_nil(seen[e.number])
      assert.equal("n" .. e.number, e.name)
      seen[e.number] = true
    end
    local function read_another()
      local e = is_inside and ring:next(0)
      if e then
        inside = inside + 1
        see {number = e.number, name = e.name}
      end
    end
    send_lines(1, 100)
    collectgarbage() -- so that Lua makes each name when it is read
    garbage.collecting(function()
      collectgarbage "stop"
      local e
      repeat
        garbage.drop(read_another)
        is_inside = true
        collectgarbage "restart" -- what is read collects it
        e = step()
        collectgarbage "stop"
        is_inside = false
        if e then
          see(e)
        end
      until not e
    end)
    assert.is_true(inside > 10)
    for number = 1, 100 do
      assert.is_true(seen[number])
    end
    ring:close()
  end))
end)

describe("an entry of a map", function()
  local flows

  before_each(function()
    object = assert(lbpf.open("build/bpf/typed.bpf.o")):load()
    flows = object.maps.flows
  end)

  after_each(function()
    object:close()
  end)

  it("can be written back as a new table can", needs("root", function()
    local raw = flows:view {raw = "value"}
    for port = 1, 60 do
      assert(flows:update({port = port}, {packets = port, last = "lo"}))
      local value = raw:lookup {port = port}
      if port % 2 == 0 then
        assert(raw:update({port = port}, value:sub(1, 16) .. "lo\0tail\1" .. value:sub(25)))
      end
    end
    for _, opts in ipairs {{reuse = false}, {reuse = true}} do
      local n = 0
      for key, value in flows:pairs(opts) do
        local before = raw:lookup(key)
        assert(flows:update(key, value))
        assert.equal(before, raw:lookup(key))
        n = n + 1
      end
      assert.equal(60, n)
    end
  end))

  it("calls no metamethods", needs("root", function()
    for port = 1, 60 do
      assert(flows:update({port = port}, {packets = port, last = "lo"}))
    end
    local calls, sum = 0, 0
    local function call()
      calls = calls + 1
    end
    for _, value in flows:pairs {reuse = true} do
      sum = sum + tonumber(rawget(value, "packets"))
      rawset(value, "packets", nil)
      setmetatable(value, {__newindex = call, __index = call})
    end
    assert.equal(60 * 61 / 2, sum)
    assert.equal(0, calls)
  end))

  it("calls none that a finalizer sets while it is read", needs("root", function()
    for port = 1, 60 do
      assert(flows:update({port = port}, {packets = port, last = "port" .. port}))
    end
    local step = flows:pairs {reuse = true}
    local _, value = step()
    local set, calls, sets = watch_metatables()
    collectgarbage()
    for _ = 2, 60 do
      value.packets = nil
      set(value, step)
      assert.is_not_nil(rawget(value, "packets"))
    end
    assert.is_true(sets() > 10)
    assert.equal(0, calls())
  end))
end)
