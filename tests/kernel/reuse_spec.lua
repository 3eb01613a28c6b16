-- Tables that are filled again: by events, lookups and loops.

local garbage = require "garbage"
local lbpf = require "lbpf"
local needs = require "needs"
local typed = require "typed"

local object

-- The options of a kind, with reuse.
local function again(kind)
  return {type = kind.type, layout = kind.layout, reuse = true}
end

describe("an event", function()
  before_each(function()
    object = typed.load()
  end)

  after_each(function()
    object:close()
  end)

  it("is read into the same tables again, and says what a new one does", needs("root", function()
    for _, kind in ipairs(typed.kinds) do
      object.vars.n = 0
      local seen, kept, values = {}, {}, {}
      local ring = assert(lbpf.ring_buffer(object.maps.events, function(e)
        seen[e], kept[e.at], kept[e.at[1]] = true, true, true
        values[#values + 1] = {e.pid, e.comm, e.at[1].x, e.at[2].y, #e.at}
        e.at[3] = "more" -- which the next event ends
      end, again(kind)))
      typed.run(object, "send", 60) -- as many as LuaJIT needs to compile
      assert.equal(60, ring:consume())
      ring:close()
      for n = 1, 60 do
        assert.same({n, n % 2 == 1 and "odd" or "even, 15 chars.", -n, 2 * n, 2}, values[n])
      end
      local tables = 0
      for _ in pairs(seen) do
        tables = tables + 1
      end
      for _ in pairs(kept) do
        tables = tables + 1
      end
      assert.equal(3, tables)
    end
  end))

  it("is pulled into the same table again", needs("root", function()
    for _, kind in ipairs(typed.kinds) do
      object.vars.n = 0
      local ring = assert(lbpf.ring_buffer(object.maps.events, nil, again(kind)))
      typed.run(object, "send", 60)
      local first, n = ring:next(0), 1
      assert.equal(1, first.pid)
      for e in ring:events(0) do
        n = n + 1
        assert.equal(first, e)
        assert.equal(n, e.pid)
        e.mine, e.at = n, n % 3 == 0 and e.at or nil -- what is no table there is made again
      end
      assert.equal(60, n)
      assert.equal(60, first.mine)
      ring:close()
    end
  end))

  it("leaves metatables alone", needs("root", function()
    for _, kind in ipairs(typed.kinds) do
      object.vars.n = 0
      local calls = 0
      local function call()
        calls = calls + 1
      end
      local ring = assert(lbpf.ring_buffer(object.maps.events, nil, again(kind)))
      typed.run(object, "send", 60)
      local first = setmetatable(ring:next(0), {__newindex = call, __index = call, __len = call})
      first.pid, first.at = nil, nil
      calls = 0
      for e in ring:events(0) do
        assert.is_table(rawget(e, "at"))
        rawset(e, "pid", nil)
      end
      assert.equal(0, calls)
      ring:close()
    end
  end))

  it("of several types has a table for each", needs("root", function()
    local seen = {}
    local picked = {"opened", "closed"}
    local ring = assert(lbpf.ring_buffer(object.maps.mixed, function(name, e)
      if name then
        seen[name] = seen[name] or e
        assert.equal(seen[name], e)
      end
    end, {reuse = true, type = function(bytes)
      return picked[bytes:byte(1)]
    end}))
    typed.run(object, "send_mixed", 9)
    assert.equal(9, ring:consume())
    assert.is_table(seen.opened)
    assert.is_table(seen.closed)
    assert.are_not.equal(seen.opened, seen.closed)
    ring:close()
  end))

  it("must be a table for that", needs("root", function()
    local events = object.maps.events
    assert.matches("option 'reuse' needs events that are tables",
      typed.failure(lbpf.ring_buffer, events, print,
        {type = "opened", fields = {"pid"}, reuse = true}))
    assert.matches("option 'reuse' needs events that are tables",
      typed.failure(lbpf.ring_buffer, events, print, {type = "__u64", reuse = true}))
    assert.matches("option 'reuse' needs option 'type' or 'layout'",
      typed.failure(lbpf.ring_buffer, events, print, {reuse = true}))
    assert.matches("'reuse'",
      typed.failure(lbpf.ring_buffer, events, print, {type = "opened", reuse = 1}))
  end))
end)

describe("a value of a map", function()
  local flows
  local web, mail = {address = 1, port = 80, protocol = 6}, {address = 1, port = 25, protocol = 6}

  before_each(function()
    object = assert(lbpf.open("build/bpf/typed.bpf.o")):load()
    flows = object.maps.flows
    assert(flows:update(web, {packets = 1, bytes = 2, last = "eth0", verdict = 1}))
    assert(flows:update(mail, {packets = 3, bytes = 4, last = "lo"}))
  end)

  after_each(function()
    object:close()
  end)

  it("is looked up into a table", needs("root", function()
    local into = {mine = true}
    for n = 1, 60 do
      assert.equal(into, flows:lookup(n % 2 == 0 and web or mail, into))
      assert.equal(n % 2 == 0 and "eth0" or "lo", into.last)
      assert.equal(n % 2 == 0 and 1 or 3, tonumber(into.packets))
      assert.equal(n % 2 == 0 and 1 or 0, into.verdict)
    end
    assert.is_true(into.mine)
    assert.is_nil(flows:lookup({port = 1}, into))
    assert.equal("eth0", into.last) -- as it was
    assert.equal(into, flows:lookup(mail, into, 0))
    assert.equal("lo", into.last)
    assert.equal(into, lbpf.map_lookup(flows, web, into))
    assert.equal("eth0", into.last)
    assert.equal(into, flows:lookup_and_delete(mail, into))
    assert.equal("lo", into.last)
    assert.is_nil(flows:lookup(mail))
  end))

  it("calls no metamethods that a finalizer sets meanwhile", needs("root", function()
    local other = assert(lbpf.open("build/bpf/compiled.bpf.o")):load()
    local leaves = other.maps.leaves
    local into, is_inside, rounds, set, calls = nil, false, 0, 0, 0
    local function call()
      calls = calls + 1
    end
    assert(leaves:update(1, {}))
    garbage.collecting(function()
      repeat
        rounds = rounds + 1
        garbage.drop(function()
          if is_inside then
            set = set + 1
            setmetatable(into, {__newindex = call, __index = call})
          end
        end)
        for _ = 1, 10 do -- which allocate nearly all
          into = {}
          is_inside = true
          leaves:lookup(1, into)
          is_inside = false
        end
      until set >= 20 or rounds == 2000
    end)
    other:close()
    assert.is_true(set > 0)
    assert.equal(0, calls)
  end))

  it("can be written back from that table as from a new one", needs("root", function()
    local raw = flows:view {raw = "value"}
    local bytes = raw:lookup(web)
    local dirty = bytes:sub(1, 16) .. "lo\0tail\1" .. bytes:sub(25)
    for _ = 1, 60 do
      local into = {}
      assert(raw:update(web, dirty))
      assert(flows:lookup(web, into))
      assert.equal("lo", into.last)
      assert(flows:update(web, into))
      assert.equal(dirty, raw:lookup(web))
      assert(flows:lookup(mail, into)) -- which has nothing of the first
      assert(flows:update(web, into))
      assert.equal(raw:lookup(mail), raw:lookup(web))
    end
  end))

  it("is not looked up into a table if it is none", needs("root", function()
    assert.matches("bad argument #3 to .*only a structure or an array fills a table",
      typed.failure(lbpf.map_lookup, object.maps.numbers, 1, {}))
    assert.matches("only a structure or an array fills a table",
      typed.failure(flows.lookup, flows:view {fields = {"packets"}}, web, {}))
    assert.matches("only a structure or an array fills a table",
      typed.failure(flows.lookup, flows:view {raw = true}, ("x"):rep(8), {}))
    assert.matches("only a structure or an array fills a table",
      typed.failure(flows.lookup, object.maps.per_cpu_counts, 1, {}))
    assert.is_false(pcall(flows.lookup, flows, web, 5, {}))
  end))

  it("is read into the same tables by a loop", needs("root", function()
    for port = 101, 200 do
      assert(flows:update({port = port}, {packets = port, last = "p" .. port}))
    end
    local keys, values, seen, n = {}, {}, {}, 0
    for key, value in flows:pairs {reuse = true} do
      keys[key], values[value] = true, true
      seen[key.port] = value.last .. ":" .. tostring(tonumber(value.packets))
      n = n + 1
    end
    assert.equal(102, n)
    for port = 101, 200 do
      assert.equal(("p%d:%d"):format(port, port), seen[port])
    end
    assert.is_not_nil(next(keys))
    assert.is_nil(next(keys, (next(keys))))
    assert.is_nil(next(values, (next(values))))
  end))

  it("goes with keys that are read again, without batches, too", needs("root", function()
    for n = 1, 50 do
      assert(object.maps.routes:update({length = 32, address = {10, 0, 0, n}}, n))
    end
    local first, n = nil, 0
    for key, value in object.maps.routes:pairs {reuse = true} do
      first = first or key
      assert.equal(first, key)
      assert.equal(value, key.address[4])
      n = n + 1
    end
    assert.equal(50, n)
    assert.matches("'reuse'", typed.failure(flows.pairs, flows, {reuse = 1}))
    assert.matches("again", typed.failure(flows.pairs, flows, {again = true}))
  end))
end)
