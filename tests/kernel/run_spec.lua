-- lbpf.run, and the event loops of others.
local child = require "child"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local rings = require "rings"

describe("lbpf.run", function()
  it("ends when its time is up, and leaves nothing", function()
    local before = fds.count()
    assert.equal("time", lbpf.run {seconds = 0.01})
    assert.equal(before, fds.count())
  end)

  it("calls functions at intervals, until one ends it", function()
    local calls, others = 0, 0
    assert.equal("stop", lbpf.run {every = {
      [0.001] = function()
        calls = calls + 1
        return calls < 5
      end,
      [60] = function() others = others + 1 end,
    }})
    assert.equal(5, calls)
    assert.equal(0, others)
  end)

  it("delivers the events of ring buffers", needs("root", function()
    local object = rings.load()
    local first, list = rings.collector()
    local ring = assert(lbpf.ring_buffer(object.maps.first, first))
    local other = assert(lbpf.ring_buffer(object.maps.second, first))
    rings.send(object, 3)
    assert.equal("stop", lbpf.run {ring, other, every = {[0.001] = function()
      if #list == 3 then
        rings.send(object, 2, 2)
      end
      return #list < 7
    end}})
    assert.equal(7, #list)
    ring:close()
    other:close()
    object:close()
  end))

  it("raises what a function raised, and leaves nothing", function()
    local before = fds.count()
    local problem = {}
    local ok, result = pcall(lbpf.run, {every = {[0] = function() error(problem) end}})
    assert.is_false(ok)
    assert.equal(problem, result)
    assert.equal(before, fds.count())
  end)

  it("calls a function while a descriptor is readable", function()
    local text, before = {}, fds.list()
    local pipe = assert(io.popen("printf abc"))
    local fd
    for number, target in pairs(fds.list()) do
      fd = target:find("^pipe:") and before[number] ~= target and number or fd
    end
    assert.equal("stop", lbpf.run {on = {[fd] = function()
      text[#text + 1] = pipe:read(3)
      return false
    end}})
    assert.equal("abc", table.concat(text))
    pipe:close()
  end)

  it("tells of signals, once each, and gives them back", function()
    local pid, seen = child.pid(), {}
    local function raise(signal)
      assert(child.succeeds(("kill -%s %d"):format(signal, pid)))
    end
    assert.equal("TERM", lbpf.run {
      every = {[0.001] = function()
        raise("USR1")
        raise("TERM")
      end},
      signals = {USR1 = function() seen[#seen + 1] = "USR1" end},
    })
    assert.equal("USR1", table.concat(seen))
    assert.equal("INT", lbpf.run {every = {[0] = function() raise("INT") end}})
    local caught = 0
    assert.equal("stop", lbpf.run {
      every = {[0] = function() raise("INT") end},
      signals = {INT = function()
        caught = caught + 1
        return caught < 3
      end},
    })
    assert.equal(3, caught)
  end)

  it("ends a script by Ctrl-C, and what it has is closed", needs("root", function()
    local script = child.lua([[
      local lbpf = require "lbpf"
      local closed = setmetatable({}, {__gc = function() print "collected" end})
      if newproxy then -- Lua 5.1 has no __gc of tables
        closed = newproxy(true)
        getmetatable(closed).__gc = function() print "collected" end
      end
      print(lbpf.run {every = {[0] = function()
        if not told then
          told = true
          print "ready" io.stdout:flush()
        end
        return closed ~= nil
      end}})
    ]])
    assert.equal("ready", script.answers:read("*l"))
    assert(child.succeeds("kill -INT " .. script.pid))
    local rest = script.answers:read("*a")
    script.answers:close()
    assert.equal("INT\ncollected\n", rest)
  end))

  it("says what is wrong", function()
    assert.error_matches(function() lbpf.run {signals = {KILL = print}} end,
      "not the name of a signal that can be caught")
    assert.error_matches(function() lbpf.run {on = {[54321] = print}} end,
      "poller:add: descriptor 54321: Bad file descriptor %(EBADF%)")
  end)
end)

describe("another event loop", function()
  local object

  before_each(needs("root", function()
    object = rings.load()
  end))

  after_each(function()
    object:close()
  end)

  it("may be cqueues", needs({"root", "cqueues"}, function()
    local cqueues = require "cqueues"
    local collect, list = rings.collector()
    local ring = assert(lbpf.ring_buffer(object.maps.first, collect))
    local loop = cqueues.new()
    loop:wrap(function()
      while #list < 5 do
        cqueues.poll(assert(ring:pollable()))
        ring:consume()
      end
    end)
    loop:wrap(function()
      for _ = 1, 5 do
        cqueues.sleep(0.001)
        rings.send(object, 1)
      end
    end)
    assert(loop:loop())
    assert.same(rings.range(0, 4), list)
    ring:close()
  end))

  it("may be luv", needs({"root", "luv"}, function()
    local uv = require "luv"
    local collect, list = rings.collector()
    local ring = assert(lbpf.ring_buffer(object.maps.first, collect))
    local poll, timer = uv.new_poll(assert(ring:epoll_fd())), uv.new_timer()
    poll:start("r", function()
      ring:consume()
      if #list == 5 then
        poll:close()
        timer:close()
      end
    end)
    timer:start(1, 1, function()
      rings.send(object, 1)
    end)
    uv.run()
    assert.is_true(#list >= 5)
    assert.same(rings.range(0, #list - 1), list)
    ring:close()
  end))
end)
