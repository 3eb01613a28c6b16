-- Maps as Lua values: keys and values of the types that their definitions have.

local lbpf = require "lbpf"
local bytes = require "bytes"
local fds = require "fds"
local needs = require "needs"
local pins = require "pins"

local EEXIST, ENOENT, E2BIG = 17, 2, 7
local object, maps

local function failure(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (message:gsub("^[^:]+:%d+: ", ""):gsub("to '[^']*'", "to '?'"))
end

-- The entries of a map by key, each seen once.
local function entries(map)
  local seen, n = {}, 0
  for key, value in map:pairs() do
    assert.is_nil(seen[key])
    seen[key], n = value, n + 1
  end
  return seen, n
end

before_each(function()
  object = assert(lbpf.open("build/bpf/typed.bpf.o")):load()
  maps = object and object.maps
end)

after_each(function()
  if object then
    object:close()
  end
  object, maps = nil, nil
end)

describe("a typed map", function()
  local key = {address = 0x0a000001, port = 80, protocol = 6}

  it("has structures for keys and values", needs("root", function()
    local flows = maps.flows
    assert.is_nil(flows:lookup(key))
    assert.equal(flows, flows:update(key, {packets = 1, bytes = 2 ^ 53, last = "eth0"}, "noexist"))
    local value = flows:lookup(key)
    assert.equal(1, tonumber(value.packets))
    assert.equal(2 ^ 53, tonumber(value.bytes))
    assert.equal("eth0", value.last)
    assert.equal(0, value.verdict)
    assert.same(key, flows:next_key())
    assert.equal(EEXIST, select(3, flows:update(key, {}, "noexist")))
    assert.is_true(flows:delete(key))
    assert.is_false(flows:delete(key))
  end))

  it("takes bytes of the right size for structures and arrays", needs("root", function()
    local codec = object:codec("flow")
    assert(maps.flows:update(codec:encode(key), ("\1"):rep(32)))
    assert.equal(0x01010101, maps.flows:view({numbers = true}):lookup(key).verdict)
    assert.equal(("\1"):rep(32), maps.flows:view({raw = true}):lookup(codec:encode(key)))
  end))

  it("names what is wrong with a key or a value", needs("root", function()
    local flows, numbers = maps.flows, maps.numbers
    assert.equal("bad argument #2 to '?' (port: the integer does not fit)",
      failure(flows.lookup, flows, {port = 65536}))
    assert.equal("bad argument #2 to '?' (prot: there is no such member; there are: port, "
      .. "protocol, address)",
      failure(flows.delete, flows, {prot = 1}))
    assert.equal("bad argument #3 to '?' (last: 9 bytes, expected at most 8)",
      failure(flows.update, flows, key, {last = "123456789"}))
    assert.equal("bad argument #2 to '?' (expected an integer, got nil)",
      failure(numbers.lookup, numbers))
    assert.equal("bad argument #2 to '?' (the integer does not fit)",
      failure(numbers.lookup, numbers, -1))
    assert.equal("bad argument #2 to '?' ([2]: the integer does not fit)",
      failure(numbers.update_batch, numbers, {1, 2 ^ 32}, {1, 1}))
    assert.equal("bad argument #2 to '?' (a key of this map has 8 bytes, not 3)",
      failure(maps.untyped.lookup, maps.untyped, "abc"))
  end))

  it("keeps 64 bits exact", needs({"root", "64 bits"}, function()
    assert(maps.array:update(1, "-9223372036854775808"))
    assert.equal("-9223372036854775808", (tostring(maps.array:lookup(1)):gsub("LL$", "")))
    assert.equal(-2 ^ 63, maps.array:view({numbers = true}):lookup(1))
    assert(maps.numbers:update(1, "0xfffffffffffffff0"))
    local again = maps.numbers:lookup(1)
    assert(maps.numbers:update(2, again))
    assert.equal(again, maps.numbers:lookup(2))
    assert.equal(("\240" .. ("\255"):rep(7)), maps.numbers:view({raw = true}):lookup(bytes.u32(2)))
  end))

  it("has strings for arrays of characters", needs("root", function()
    assert(maps.names:update("nginx", -5))
    assert.equal(-5, maps.names:lookup("nginx"))
    assert.same({nginx = -5}, (entries(maps.names)))
    assert.is_nil(maps.names:lookup("ngin"))
  end))

  it("is walked with pairs()", needs("root", function()
    local lists = {{}, {}}
    for i = 1, 100000 do
      lists[1][i], lists[2][i] = i, i * 3
    end
    assert.equal(maps.numbers, maps.numbers:update_batch(lists[1], lists[2]))
    local seen, n = entries(maps.numbers:view {numbers = true})
    assert.equal(100000, n)
    for i = 1, n do
      if seen[i] ~= i * 3 then
        error("wrong entry " .. i)
      end
    end
    assert.equal(100000, maps.numbers:count())
    for k in maps.numbers:pairs() do -- the loop may change the map
      maps.numbers:delete(k)
    end
    assert.equal(0, maps.numbers:count())
    assert.same({[0] = 0, 0, 0, 0}, (entries(maps.array:view {numbers = true})))
  end))

  it("is let go of at the end of a walk, whenever garbage is collected", needs("root", function()
    assert(maps.numbers:update {[1] = 1, [2] = 2})
    local before = fds.count()
    collectgarbage("stop")
    finally(function() collectgarbage("restart") end)
    for _ = 1, 10 do
      local n = 0
      for _ in maps.numbers:pairs() do
        n = n + 1
      end
      assert.equal(n, maps.numbers:count())
    end
    maps.numbers:clear()
    local open = 0
    for _ in pairs(fds.list()) do
      open = open + 1
    end
    assert.equal(before, open)
    collectgarbage("restart")
  end))

  it("gives fields as values of their own", needs("root", function()
    local view = maps.flows:view {fields = {"last", "verdict", "packets"}, enum_names = true,
      numbers = true}
    assert(view:update(key, {last = "lo", verdict = "DROP", packets = 7}))
    assert.same({"lo", "DROP", 7}, {view:lookup(key)})
    for k, last, verdict, packets in view:pairs() do
      assert.same({key, "lo", "DROP", 7}, {k, last, verdict, packets})
    end
    local keys, last, verdict, packets = view:lookup_batch()
    assert.same({{key}, {"lo"}, {"DROP"}, {7}}, {keys, last, verdict, packets})
    assert.equal(1, maps.flows:lookup(key).verdict)
    assert.matches("option 'fields': there is no 'lost'",
      failure(maps.flows.view, maps.flows, {fields = {"lost"}}))
    assert.matches("option 'fields': the map's values are bytes",
      failure(maps.flows.view, maps.flows, {fields = {"last"}, raw = true}))
    assert.matches("unknown option 'field'", failure(maps.flows.view, maps.flows, {field = {}}))
  end))

  it("is given types that its definition has not", needs("root", function()
    local view = maps.untyped:view {key = "__u64", value = "enum verdict", enum_names = true}
    assert(view:update("0x100", "DROP"))
    assert.equal("DROP", view:lookup(256))
    assert.equal("\1\0\0\0", maps.untyped:lookup("\0\1\0\0\0\0\0\0"))
    assert.matches("option 'value': no type 'verdicts'",
      failure(maps.untyped.view, maps.untyped, {value = "verdicts"}))
    assert.matches("option 'key': type '__u32' has 4 bytes, not 8",
      failure(maps.untyped.view, maps.untyped, {key = "__u32"}))
  end))

  it("is written many entries at once", needs("root", function()
    local many = {}
    for i = 1, 500 do
      many[i] = i * i
    end
    assert.equal(maps.numbers, maps.numbers:update(many))
    local seen, n = entries(maps.numbers:view {numbers = true})
    assert.equal(500, n)
    assert.same(many, seen)
    assert(maps.flows:update({[key] = {packets = 9}}))
    assert.equal(9, tonumber(maps.flows:lookup(key).packets))
    local small = {}
    for i = 0, 4 do
      small[i] = i
    end
    local ok, message, errno = maps.array:update(small)
    assert.is_nil(ok)
    assert.matches("^update: map 'array', entry %d of 5: ", message)
    assert.equal(E2BIG, errno)
    assert.equal("bad argument #2 to '?' (the integer does not fit)",
      failure(maps.array.update, maps.array, {[-1] = 0}))
  end))

  it("is cleared", needs("root", function()
    assert(maps.numbers:update({[1] = 1, [2] = 2}))
    assert.equal(2, maps.numbers:clear())
    assert.same({}, (entries(maps.numbers)))
    assert(maps.array:update(2, 5))
    assert.equal(4, maps.array:clear())
    assert.equal(0, tonumber(maps.array:lookup(2)))
    assert(maps.routes:update({[{length = 8, address = {10}}] = 1}))
    assert.equal(1, maps.routes:clear())
    assert.equal(0, maps.routes:count())
    assert(maps.stack:push(1))
    assert(maps.stack:push(2))
    assert.equal(2, maps.stack:clear())
    assert.is_nil(maps.stack:pop())
    assert(maps.programs:update(1, object.progs.pass))
    assert.equal(1, maps.programs:clear())
    assert.is_nil(maps.programs:lookup(1))
  end))
end)

describe("a per-CPU value", function()
  local cpus = lbpf.num_possible_cpus()

  it("is a list with sum, max, min and avg", needs("root", function()
    local values = {}
    for cpu = 1, cpus do
      values[cpu] = 10 * cpu
    end
    assert(maps.per_cpu:update(1, values))
    local got = maps.per_cpu:lookup(1)
    assert.equal(cpus, #got)
    assert.equal(10 * cpus * (cpus + 1) / 2, got:sum())
    assert.equal(10 * cpus, got:max())
    assert.equal(10, got:min())
    assert.equal(10 * (cpus + 1) / 2, got:avg())
    assert.equal(0, maps.per_cpu:lookup(0):sum())
  end))

  it("may be a structure on each CPU", needs("root", function()
    local values = {}
    for cpu = 1, cpus do
      values[cpu] = {packets = cpu, last = "cpu" .. cpu}
    end
    assert(maps.per_cpu_counts:update(7, values))
    local got = maps.per_cpu_counts:lookup(7)
    assert.equal(cpus * (cpus + 1) / 2, tonumber(got:sum("packets")))
    assert.equal(cpus, tonumber(got:max("packets")))
    assert.equal("cpu" .. cpus, got[cpus].last)
    local packets, last =
      maps.per_cpu_counts:view({fields = {"packets", "last"}, numbers = true}):lookup(7)
    assert.equal(cpus * (cpus + 1) / 2, packets:sum())
    assert.equal("cpu1", last[1])
    for k, value in maps.per_cpu_counts:pairs() do
      assert.equal(7, k)
      assert.equal(cpus * (cpus + 1) / 2, tonumber(value:sum("packets")))
    end
    assert.matches("last of CPU 0 is not a number, but a string", failure(got.sum, got, "last"))
  end))

  it("is written for all CPUs, no more and no fewer", needs("root", function()
    local expected = ("(expected a list of %d values, one for each CPU, got "):format(cpus)
    for _, wrong in ipairs({1, {}, {1, 2, 3, 4, 5, 6, 7, 8, 9, [cpus + 1] = 1}}) do
      assert.matches(expected, failure(maps.per_cpu.update, maps.per_cpu, 0, wrong), 1, true)
    end
    local list = {}
    for cpu = 1, cpus do
      list[cpu] = cpu == cpus and -1 or 0
    end
    assert.matches(("%%[%d%%]: the integer does not fit"):format(cpus),
      failure(maps.per_cpu.update, maps.per_cpu, 0, list))
  end))
end)

describe("maps of other kinds", function()
  it("are pushed, peeked and popped", needs("root", function()
    local queue, stack = maps.queue, maps.stack
    for port = 1, 3 do
      assert.equal(queue, queue:push {port = port})
      assert.equal(stack, stack:push(port))
    end
    assert.equal(E2BIG, select(3, queue:push {port = 4}))
    assert(queue:push({port = 4}, "exist"))
    assert.equal(2, queue:peek().port)
    assert.equal(2, queue:pop().port)
    assert.equal(3, stack:peek())
    assert.same({3, 2, 1}, {stack:pop(), stack:pop(), stack:pop()})
    assert.equal(1, select("#", stack:pop()))
    assert.is_nil(stack:pop())
    assert.is_nil(stack:peek())
    assert.matches("a map of this type has no keys", failure(queue.count, queue))
  end))

  it("tell what may have been put in", needs({"root", "Bloom filters"}, function()
    local filter = assert(assert(lbpf.open("build/bpf/bloom.bpf.o")):load())
    local bloom = filter.maps.bloom
    assert(bloom:push(42))
    assert.equal(42, bloom:lookup(42))
    assert.is_nil(bloom:lookup(43))
    filter:close()
  end))

  it("find the longest prefix", needs("root", function()
    local routes = maps.routes
    assert(routes:update({length = 8, address = {10}}, 1))
    assert(routes:update({length = 16, address = {10, 1}}, 2))
    assert.equal(2, routes:lookup {length = 32, address = {10, 1, 2, 3}})
    assert.equal(1, routes:lookup {length = 32, address = {10, 2, 2, 3}})
    assert.is_nil(routes:lookup {length = 32, address = {11, 2, 2, 3}})
    local n = 0
    for prefix, route in routes:pairs() do
      assert.equal(8 * route, prefix.length)
      n = n + 1
    end
    assert.equal(2, n)
    assert.equal(2, routes:count())
  end))

  it("hold maps, whose ids they tell", needs("root", function()
    assert(maps.inner:update(1, {port = 443}))
    assert(maps.outer:update(5, maps.inner))
    local id = maps.outer:lookup(5)
    assert.equal(lbpf.map_get_info_by_fd(maps.inner:fd()).id, id)
    local seen = entries(maps.outer)
    assert.same({[5] = id}, seen)
    local view = assert(lbpf.map(assert(lbpf.map_get_fd_by_id(id))))
    assert.equal(443, view:lookup(1).port)
    assert.matches("expected a file descriptor", failure(maps.outer.update, maps.outer, 1, {}))
  end))

  it("hold programs", needs("root", function()
    assert(maps.programs:update(0, object.progs.pass))
    assert.equal(lbpf.prog_get_info_by_fd(object.progs.pass:fd()).id, maps.programs:lookup(0))
    assert.is_true(maps.programs:delete(0))
    assert.is_nil(maps.programs:lookup(0))
  end))
end)

describe("lbpf.map", function()
  it("opens a pinned map with the types that the kernel knows", needs({"root", "bpffs"}, function()
    local path = pins.path()
    local key = {address = 1, port = 2, protocol = 3}
    assert(object.maps.flows:update(key, {packets = 4}))
    assert(object.maps.flows:pin(path))
    object:close()
    local before = fds.count()
    local map = assert(lbpf.map(path))
    os.remove(path)
    assert.equal(4, tonumber(map:lookup(key).packets))
    assert.same({key}, {map:next_key()})
    assert.equal("lbpf.map_view: map 'flows'", tostring(map))
    local view = assert(lbpf.map(map, {fields = {"packets"}, numbers = true}))
    assert.equal(4, view:lookup(key))
    assert.is_true(map:close())
    assert.equal("map 'flows' is closed", failure(map.lookup, map, key))
    assert.equal(4, view:lookup(key))
    assert.is_true(view:close())
    assert.is_true(view:close())
    assert.equal(before, fds.count())
  end))

  it("says what it cannot open", needs("root", function()
    local before = fds.count()
    local map, message, errno = lbpf.map("/sys/fs/bpf/no/such/map")
    assert.is_nil(map)
    assert.equal("map '/sys/fs/bpf/no/such/map': No such file or directory (ENOENT)", message)
    assert.equal(ENOENT, errno)
    local array = assert(lbpf.map_create("array", "plain", 4, 4, 1))
    assert.equal("\0\0\0\0", assert(lbpf.map(array)):lookup("\0\0\0\0"))
    assert.matches("option 'key': there is no BTF", failure(lbpf.map, array, {key = "u32"}))
    array:close()
    collectgarbage()
    assert.equal(before, fds.count())
  end))

  it("needs no privilege beyond the descriptor for bytes", needs("root", function()
    local array = assert(lbpf.map_create("array", "plain", 4, 4, 1))
    local view = assert(lbpf.map(array, {raw = true}))
    assert(view:update("\0\0\0\0", "abcd"))
    assert.equal("abcd", lbpf.map_lookup(array, "\0\0\0\0"))
  end))
end)
