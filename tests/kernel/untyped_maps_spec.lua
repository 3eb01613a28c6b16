-- Maps whose definitions have sizes and no types: what the kernel fixes is a value all the same.
local bytes = require "bytes"
local child = require "child"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

local u32, u64 = bytes.u32, bytes.u64

-- An integer of 64 bits, in every Lua that has them.
local function hex(n)
  local bit = jit and require "bit" -- luacheck: globals jit
  return bit and "0x" .. bit.tohex(n, 16) or ("0x%016x"):format(n)
end

-- Loaded, without the maps that this kernel lacks.
local function load()
  local object = assert(lbpf.open("build/bpf/untyped.bpf.o"))
  object.maps.tasks:set_autocreate(needs.met "task storage")
  object.maps.seen:set_autocreate(needs.met "Bloom filters")
  return assert(object:load())
end

describe("a map without types", function()
  local object, maps

  lazy_setup(needs("root", function()
    object = load()
    maps = object.maps
  end))

  lazy_teardown(function()
    object:close()
  end)

  local function failure(method, ...)
    local ok, message = pcall(method, ...)
    assert.is_false(ok)
    return message
  end

  it("that is an array has integers as keys", needs("root", function()
    local where = object.progs.where
    assert(maps.array:update(1, u64(7)))
    assert.equal(u64(7), maps.array:lookup(1))
    assert.equal(u64(7), maps.array:lookup(1))
    assert.is_nil(maps.array:lookup(2))
    assert.equal(0, maps.array:next_key())
    assert(maps.tails:update(2, where))
    local id = lbpf.prog_get_info_by_fd(where).id
    assert.equal(id, maps.tails:lookup(2))
    local seen = {}
    for key, each in maps.tails:pairs() do
      seen[key] = each
    end
    assert.same({[2] = id}, seen)
    assert.is_true(maps.tails:delete(2))
    assert.equal(0, maps.tails:clear())
    assert(maps.array:update {[0] = u64(1), u64(2)})
    local keys, values = maps.array:lookup_batch()
    assert.same({{0, 1}, {u64(1), u64(2)}}, {keys, values})
    for _, wrong in ipairs {-1, 0.5, 2 ^ 32, "1", true} do
      assert.matches("expected an integer from 0 to 2^32 - 1, or its 4 bytes, got ",
        failure(maps.array.lookup, maps.array, wrong), 1, true)
    end
    assert.equal(u32(0), maps.array:view({raw = true}):next_key())
  end))

  it("says how it gets types, unless the kernel fixes them", needs("root", function()
    assert.matches("keys are bytes here: expected a string of 4 bytes, got number; "
      .. "use option 'key' of map:view() or lbpf.map() to name a type",
      failure(maps.hash.lookup, maps.hash, 1), 1, true)
    assert.matches("values are bytes here: expected a string of 8 bytes, got number; "
      .. "use option 'value' of map:view() or lbpf.map() to name a type",
      failure(maps.hash.update, maps.hash, u32(1), 1), 1, true)
    local view = maps.hash:view {key = "unsigned int", value = "long"}
    assert(view:update(1, 2))
    assert.equal(2, tonumber(view:lookup(1)))
    assert.equal(u64(2), maps.hash:lookup(u32(1)))
    assert.matches("expected a file descriptor, or an object that has one, got 'x'",
      failure(maps.tails.update, maps.tails, 0, "x"))
  end))

  it("that is per CPU has lists of bytes", needs("root", function()
    local cpus, values = lbpf.num_possible_cpus(), {}
    for cpu = 1, cpus do
      values[cpu] = ("cpu%02d"):format(cpu)
    end
    assert(maps.per_cpu:update(u32(1), values))
    assert.same(values, maps.per_cpu:lookup(u32(1)))
    assert(maps.per_cpu:update(u32(2), maps.per_cpu:lookup(u32(1))))
    for _, value in maps.per_cpu:pairs() do
      assert.same(values, value)
    end
    assert(maps.per_cpu:update(u32(3), (values[1] .. "\0\0\0"):rep(cpus))) -- as the kernel has it
    assert.equal(values[1], maps.per_cpu:lookup(u32(3))[cpus])
    assert.matches(("expected a list of %d values, one for each CPU, got one of 1"):format(cpus),
      failure(maps.per_cpu.update, maps.per_cpu, u32(1), {values[1], nil}), 1, true)
    values[cpus] = "four"
    assert.matches(("[%d]: a value of this map has 5 bytes, not 4"):format(cpus),
      failure(maps.per_cpu.update, maps.per_cpu, u32(1), values), 1, true)
    values[cpus] = 4
    assert.matches(("[%d]: values are bytes here"):format(cpus),
      failure(maps.per_cpu.update, maps.per_cpu, u32(1), values), 1, true)
  end))

  it("of stack traces has lists of addresses", needs({"root", "64 bits"}, function()
    assert(object.progs.where:test_run {})
    local id = tonumber(object.vars.kernel_stack)
    assert.is_true(id >= 0)
    local stack = maps.stacks:lookup(id)
    assert.is_true(#stack > 1 and #stack <= 16)
    local raw = maps.stacks:view({raw = true}):lookup(u32(id))
    assert.equal(16 * 8, #raw)
    for i, address in ipairs(stack) do
      assert.equal(bytes.hex(raw:sub(8 * i - 7, 8 * i)), hex(address))
    end
    assert.equal(#stack < 16 and u64(0) or "", raw:sub(8 * #stack + 1, 8 * #stack + 8))
    for key, each in maps.stacks:pairs() do
      assert.same({id, stack}, {key, each})
    end
    assert.equal(1, maps.stacks:count())
    assert.equal(1, maps.stacks:clear())
  end))

  it("of stack traces with build ids tells the file and the offset in it",
    needs({"root", "64 bits"}, function()
      assert(object.progs.where:test_run {})
      local id = tonumber(object.vars.user_stack)
      assert.is_true(id >= 0)
      local stack = maps.files:lookup(id)
      assert.is_true(#stack > 0)
      for _, frame in ipairs(stack) do
        if frame.build_id then
          assert.matches("^%x+$", frame.build_id)
          assert.equal(40, #frame.build_id)
          assert.is_truthy(frame.offset)
        else
          assert.is_truthy(frame.ip)
        end
      end
    end))

  it("of cgroups takes their paths", needs("root", function()
    local cgroup = child.output("findmnt -n -o TARGET -t cgroup2"):match("^[^\n]+")
    local before = fds.count()
    assert(maps.cgroups:update(1, cgroup))
    assert.equal(before, fds.count())
    assert.is_true(maps.cgroups:delete(1))
    assert.equal(0, maps.cgroups:clear())
    assert.same({nil, "update: map 'cgroups': cgroup '/nothing': No such file or directory "
      .. "(ENOENT)", 2}, {maps.cgroups:update(0, "/nothing")})
  end))
end)

describe("what the kernel cannot list", function()
  local NEW_MAPS = {"root", "task storage", "Bloom filters"}

  it("is told by loops, counts and clears alike", needs(NEW_MAPS, function()
    local maps = load().maps
    local why = "map 'tasks': not supported by the kernel (ENOTSUPP); the kernel cannot list the "
      .. "keys of this type of map"
    local _, message = pcall(maps.tasks.pairs, maps.tasks)
    assert.equal("pairs: " .. why, message)
    assert.same({nil, "count: " .. why, 524}, {maps.tasks:count()})
    assert.same({nil, "clear: " .. why, 524}, {maps.tasks:clear()})
    _, message = pcall(maps.seen.pairs, maps.seen)
    assert.matches("a map of this type has no keys", message)
    _, message = pcall(maps.seen.count, maps.seen)
    assert.matches("a map of this type has no keys", message)
    _, message = pcall(maps.seen.peek, maps.seen)
    assert.matches("a Bloom filter has no next value: use lookup(value)", message, 1, true)
  end))

  it("is not counted where there is nothing to clear", needs("root", function()
    local maps = load().maps
    for _, name in ipairs {"devices", "cpus", "tails", "cgroups", "events"} do
      assert.equal(0, maps[name]:clear(), name)
    end
    assert(maps.cpus:update(0, u32(64)))
    assert.equal(1, maps.cpus:clear())
    assert.equal(0, maps.cpus:count())
  end))
end)
