-- Events and maps whose types BTF lacks, declared by the script; and events that are shorter or
-- longer than their type.
local lbpf = require "lbpf"
local needs = require "needs"

local EXEC, LINE, SMALL, TIGHT, LIST, NOTHING = 1, 2, 3, 4, 5, 6

local LAYOUT = [[
  struct exec { u32 pid, size; char comm[16]; char args[256]; };
  struct line { u32 pid; u16 length; char data[]; };
  struct small { u64 ns; u32 pid; };
  struct tight { u64 ns; u32 pid; u8 x; } __attribute__((packed));
  struct list { u16 n; u32 items[]; };
]]

-- Compiled code takes over in LuaJIT after some rounds.
local ROUNDS = jit and 200 or 2 -- luacheck: globals jit

local object

setup(function()
  if needs.met("root") then
    object = assert(assert(lbpf.open("build/bpf/reported.bpf.o")):load())
  end
end)

teardown(function()
  if object then
    object:close()
  end
end)

local function emit(what, extra)
  object.vars.what, object.vars.extra = what, extra or 0
  assert(object.progs.emit:test_run())
end

-- What the ring delivers of such events; the same by push and by pull, each time.
local function received(opts, what, extra)
  local got
  local function note(...)
    local values = {n = select("#", ...), ...}
    got = got or values
    assert.same(got, values)
  end
  local ring = assert(lbpf.ring_buffer(object.maps.ring, note, opts))
  for _ = 1, ROUNDS do
    emit(what, extra)
    ring:consume()
    emit(what, extra)
    note(ring:next(0))
  end
  ring:close()
  return got
end

local function of(type, fields)
  return {layout = LAYOUT, type = type, fields = fields}
end

local function refused(...)
  local ok, message = pcall(...)
  assert.is_false(ok)
  return message
end

describe("a layout", function()
  it("is the type of events", needs("root", function()
    local e = received({layout = "struct event { u32 pid, size; char comm[16]; char args[]; };"},
      EXEC, 5)[1]
    assert.same({pid = 11, size = 5, comm = "abc", args = "a\0bc\0"}, e)
  end))

  it("declares several types, of which one is named", needs("root", function()
    assert.same({n = 2, 22, 5}, received(of("line", {"pid", "length"}), LINE, 5))
    assert.same({n = 2, 3, {7, 8, 9}}, received(of(nil, {"n", "items"}), LIST, 12))
    local ring = assert(lbpf.ring_buffer(object.maps.ring, nil, {layout = LAYOUT,
      type = function(bytes) return #bytes < 20 and "line" or "exec" end,
      fields = {line = {"pid"}}}))
    emit(LINE, 5)
    emit(EXEC, 0)
    assert.same({"line", 22}, {ring:next(0)})
    assert.equal("abc", select(2, ring:next(0)).comm)
    ring:close()
  end))

  it("is for perf buffers", needs("root", function()
    local got = {}
    local function read(opts, what)
      local buffer = assert(lbpf.perf_buffer(object.maps.perf, 8, function(...)
        got = {...}
      end, nil, opts))
      emit(what)
      buffer:poll(100)
      buffer:close()
      return got
    end
    local e = read(of "small", SMALL)[1]
    assert.equal("2", tostring(e.pid))
    local small = read(of("small", {"pid"}), SMALL)
    assert.equal(2, small[1])
    local tight = read(of("tight", {"pid", "x"}), TIGHT)
    assert.same({2, 3}, {tight[1], tight[2]})
  end))

  it("is for maps", needs("root", function()
    local map = object.maps.sized
    local plain = map:view {layout = "struct v { u64 hits; char comm[16]; };", raw = "key"}
    assert(plain:update("12345678", {hits = 3, comm = "sh"}))
    local both = map:view {layout = LAYOUT .. "typedef struct { u32 pid, tid; } who;"
      .. "struct v { u64 hits; char comm[16]; };", key = "who", value = "struct v"}
    local key = {pid = 0x34333231, tid = 0x38373635}
    for _ = 1, ROUNDS do
      local v = both:lookup(key)
      assert.equal("sh", v.comm)
      assert.equal("3", (tostring(v.hits):gsub("U?LL", "")))
    end
    for k, v in both:pairs() do
      assert.same(key, k)
      assert.equal("sh", v.comm)
    end
    assert.same({"sh"}, {map:view({layout = "struct v { u64 hits; char comm[16]; };", key = "u64",
      fields = {"comm"}}):lookup "0x3837363534333231"})
    local path = lbpf.map(map, {layout = "struct v { u64 hits; char comm[16]; };", raw = "key"})
    assert.equal("sh", path:lookup("12345678").comm)
    path:close()
    assert.matches("option 'layout': type 'v' has 8 bytes, not 24",
      refused(map.view, map, {layout = "struct v { u64 hits; };"}))
    assert.matches("option 'key': type 'who' has 4 bytes, not 8", refused(map.view, map,
      {layout = "struct who { u32 pid; };", key = "who"}))
    assert.is_true(map:clear() == 1)
  end))

  it("of another object is for maps, too", needs("root", function()
    local other = assert(lbpf.open("build/bpf/typed_events.bpf.o"))
    object.maps.sized:clear()
    local view = object.maps.sized:view {btf = other:btf(), key = "__u64"}
    assert(view:update(7, ("x"):rep(24)))
    assert.equal(7, tonumber((tostring(view:next_key()):gsub("U?LL", ""))))
    assert.equal(1, view:clear())
    assert.matches("option 'btf' must be BTF",
      refused(object.maps.sized.view, object.maps.sized, {btf = other, key = "__u64"}))
    other:close()
  end))

  it("is for codecs", needs("root", function()
    local codec = object:codec(nil, {layout = "struct v { u16 a; enum { ONE = 1 } b; };",
      enum_names = true})
    assert.same({a = 2, b = "ONE"}, codec:decode "\2\0\0\0\1\0\0\0")
    assert.equal(8, object:codec("u64", {layout = "struct v { u16 a; };"}):size())
    local types = lbpf.layout "struct v { u16 a; };"
    assert.equal(4, types:codec(nil, {layout = "struct w { struct v v[2]; };"}):size())
  end))

  it("sends samples to programs", needs({"root", "user rings"}, function()
    local sender = assert(assert(lbpf.open("build/bpf/userring.bpf.o")):load())
    local map
    for m in sender:each_map() do
      map = map or m:type() == "user_ringbuf" and m or nil
    end
    local ring = assert(lbpf.user_ring_buffer(map, {layout = "struct s { u64 a; };"}))
    assert.is_truthy(ring)
    ring:close()
    sender:close()
  end))
end)

describe("an event", function()
  it("shorter than its type has what it reaches", needs("root", function()
    assert.same({n = 2, 11, "abc"}, received(of("exec", {"pid", "comm"}), EXEC, 5))
    assert.same({n = 2, 11, "a"}, received(of("exec", {"pid", "args"}), EXEC, 5))
    assert.same({n = 2, 11, ""}, received(of("exec", {"pid", "args"}), EXEC, 0))
    local e = received(of "exec", EXEC, 5)[1]
    assert.same({pid = 11, size = 5, comm = "abc", args = "a"}, e)
  end))

  it("shorter than what is asked for is refused", needs("root", function()
    local ring = assert(lbpf.ring_buffer(object.maps.ring, nil, of("exec", {"comm[size]", "pid"})))
    emit(NOTHING)
    assert.matches("an event has 0 bytes, and its type 280", refused(ring.next, ring, 0))
    ring:close()
    assert.same({n = 1, ""}, received(nil, NOTHING))
  end))

  it("has as many elements as a member of it says", needs("root", function()
    assert.same({n = 2, 11, "a\0bc\0"}, received(of("exec", {"pid", "args[size]"}), EXEC, 255))
    assert.same({n = 2, 11, "a\0b"}, received(of("exec", {"pid", "args[size]"}), EXEC, 3))
    assert.same({n = 1, "he\0lo"}, received(of("line", {"data[length]"}), LINE, 9))
    assert.same({n = 1, "he\0"}, received(of("line", {"data[length]"}), LINE, 3))
    assert.same({n = 1, {7, 8, 9}}, received(of("list", {"items[n]"}), LIST, 40))
    assert.same({n = 1, {7}}, received(of("list", {"items[n]"}), LIST, 7))
  end))

  it("has elements of what has no length", needs("root", function()
    assert.same({n = 2, 3, 7}, received(of("list", {"n", "items[1]"}), LIST, 12))
    assert.same({n = 3, 3, nil, 8}, received(of("list", {"n", "items[4]", "items[2]"}), LIST, 12))
    assert.same({n = 1, {n = 3, items = {7, 8, 9}}}, received(of "list", LIST, 12))
    assert.same({n = 1, {pid = 22, length = 5, data = "he\0lo"}}, received(of "line", LINE, 5))
  end))

  it("has no other parts", needs("root", function()
    for field, message in pairs {
      ["pidd"] = "option 'fields': there is no 'pidd'; it has: pid, size, args, comm",
      ["args[sizes]"] = "there is no 'args%[sizes%]'",
      ["args[comm]"] = "there is no 'args%[comm%]'",
      ["pid[size]"] = "there is no 'pid%[size%]'",
      ["args[size].x"] = "there is no 'args%[size%].x'",
    } do
      assert.matches(message, refused(lbpf.ring_buffer, object.maps.ring, print,
        of("exec", {field})))
    end
  end))
end)

describe("a type that BTF lacks", function()
  it("can be had in three ways", needs("root", function()
    local message = refused(lbpf.ring_buffer, object.maps.ring, print, {type = "exec"})
    for _, way in ipairs {"no type 'exec'; there are: ", 'layout = "struct exec { ... }"',
      "btf = that of an object that has it",
      "const struct exec *unused __attribute__((unused));"} do
      assert.truthy(message:find(way, 1, true), message)
    end
  end))
end)
