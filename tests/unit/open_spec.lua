-- Opening, what an object has, and closing; nothing here needs a kernel's leave.
local lbpf = require "lbpf"
local needs = require "needs"
local process = require "process"

local maps, programs = "build/bpf/maps.bpf.o", "build/bpf/programs.bpf.o"

local function read(path)
  local f = assert(io.open(path, "rb"))
  local content = f:read("*a")
  f:close()
  return content
end

local function names(iterator, object, first)
  local list = {}
  for part in iterator, object, first do
    list[#list + 1] = part:name()
  end
  return list
end

-- A value whose finalizer is FN.
local function finalized(fn)
  if newproxy then
    local proxy = newproxy(true)
    getmetatable(proxy).__gc = fn
    return proxy
  end
  return setmetatable({}, {__gc = fn})
end

describe("open", function()
  it("names the object after its file", function()
    local obj = assert(lbpf.open(maps))
    assert.equal("maps", obj:name())
    assert.equal("lbpf.object: build/bpf/maps.bpf.o", tostring(obj))
  end)

  it("takes option object_name, as far as libbpf keeps it", function()
    assert.equal("other", assert(lbpf.open(maps, {object_name = "other"})):name())
    local long = ("x"):rep(300)
    assert.equal(("x"):rep(15), assert(lbpf.open(maps, {object_name = long})):name())
  end)

  it("reads an image from memory, which may go at once", function()
    local obj = assert(lbpf.open_mem(read(maps)))
    collectgarbage()
    assert.equal("memory", obj:name())
    assert.equal("lbpf.object: memory", tostring(obj))
    assert.equal(8, obj.maps.hash:value_size())
    obj = assert(lbpf.open_mem(read(maps), {object_name = "image"}))
    assert.equal("image", obj:name())
    assert.equal("lbpf.object: image", tostring(obj))
  end)

  it("accepts what it does not know in a map with relaxed_maps only", function()
    local path = "build/bpf/relaxed.bpf.o"
    local obj, message, errno = lbpf.open(path)
    assert.is_nil(obj)
    assert.equal("open 'build/bpf/relaxed.bpf.o': Operation not supported (EOPNOTSUPP)\n"
      .. "libbpf: map 'coloured': unknown field 'colour'.", message)
    assert.equal(95, errno)
    assert.is_nil((lbpf.open(path, {relaxed_maps = false})))
    assert.equal(4, assert(lbpf.open(path, {relaxed_maps = true})).maps.coloured:value_size())
  end)

  it("keeps a kernel log only if asked for", function()
    assert.is_nil(assert(lbpf.open(maps)):kernel_log())
    local obj = assert(lbpf.open(maps, {kernel_log_size = 4096, kernel_log_level = 1}))
    assert.equal("", obj:kernel_log())
    assert.equal("", assert(lbpf.open(maps, {kernel_log_size = 128})):kernel_log())
    assert.is_nil(assert(lbpf.open(maps, {kernel_log_size = 0})):kernel_log())
  end)

  it("leaves the script's own strings as they are", function()
    local path = ("no/such/"):rep(20)
    assert.is_nil((lbpf.open(path)))
    assert.equal("/", path:sub(-1))
  end)

  it("does not look at the options table again", function()
    local opts = {object_name = "first"}
    local obj = assert(lbpf.open(maps, opts))
    opts.object_name = nil
    collectgarbage()
    assert.equal("first", obj:name())
  end)
end)

describe("an object's parts", function()
  it("are walked in the order of the file", function()
    local obj = assert(lbpf.open(programs))
    local order = {"first", "second", "third", "fourth", "fifth"}
    assert.same(order, names(obj:each_program()))
    assert.same(order, names(obj.next_program, obj))
    obj = assert(lbpf.open(maps))
    order = {"hash", "array", "percpu_hash", "percpu_array", "lru_hash", "queue"}
    assert.same(order, names(obj:each_map()))
    assert.same(order, names(obj.next_map, obj))
  end)

  it("are found by name, as the same values", function()
    local obj = assert(lbpf.open(programs))
    local first = obj.progs.first
    assert.equal("first", first:name())
    assert.equal(first, obj:find_program_by_name("first"))
    assert.equal(first, (obj:next_program()))
    obj = assert(lbpf.open(maps))
    local hash = obj.maps.hash
    assert.equal("hash", hash:name())
    assert.equal(hash, obj:find_map_by_name("hash"))
    assert.equal(hash, (obj:next_map()))
  end)

  it("that are missed are nil to find, and an error to name", function()
    local obj = assert(lbpf.open(programs))
    assert.is_nil(obj:find_program_by_name("typo"))
    assert.is_nil(obj:find_map_by_name("typo"))
    local ok, message = pcall(function()
      return obj.progs.typo
    end)
    assert.is_false(ok)
    assert.matches("^tests/unit/open_spec.lua:%d+: object 'build/bpf/programs.bpf.o' has no "
      .. "program 'typo'; it has: third, fifth, first, second, fourth$", message)
    obj = assert(lbpf.open(maps))
    ok, message = pcall(function()
      return obj.maps.typo
    end)
    assert.is_false(ok)
    assert.matches(": object 'build/bpf/maps.bpf.o' has no map 'typo'; it has: hash, array, "
      .. "queue, lru_hash, percpu_hash, percpu_array$", message)
  end)

  it("of another object are refused", function()
    local obj, other = assert(lbpf.open(programs)), assert(lbpf.open(programs))
    assert.error_matches(function()
      obj:next_program(other.progs.first)
    end, "bad argument #1 to 'next_program' %(the program belongs to another object%)")
    obj, other = assert(lbpf.open(maps)), assert(lbpf.open(maps))
    assert.error_matches(function()
      obj:next_map(other.maps.hash)
    end, "bad argument #1 to 'next_map' %(the map belongs to another object%)")
  end)

  it("describe themselves", function()
    local obj = assert(lbpf.open(programs))
    assert.equal('lbpf.program: second SEC("raw_tp/sys_enter")', tostring(obj.progs.second))
    obj = assert(lbpf.open(maps))
    local hash, queue = obj.maps.hash, obj.maps.queue
    assert.equal("lbpf.map: hash", tostring(hash))
    assert.same({"hash", 4, 8, 4},
      {hash:type(), hash:key_size(), hash:value_size(), hash:max_entries()})
    assert.same({"queue", 0, 4, 2},
      {queue:type(), queue:key_size(), queue:value_size(), queue:max_entries()})
    assert.equal("percpu_array", obj.maps.percpu_array:type())
    assert.equal(4, obj.maps.percpu_array:value_size())
  end)
end)

describe("close", function()
  it("can be done again", function()
    local obj = assert(lbpf.open(maps))
    assert.is_true(obj:close())
    assert.is_true(obj:close())
    assert.equal("lbpf.object: build/bpf/maps.bpf.o (closed)", tostring(obj))
  end)

  it("leaves parts that say what was closed", function()
    local obj = assert(lbpf.open(programs))
    local program = obj.progs.first
    obj:close()
    local closed = "object 'build/bpf/programs.bpf.o' is closed"
    for _, use in ipairs({
      function() return obj.progs end,
      function() return obj.maps end,
      function() return obj.links end,
      function() obj:name() end,
      function() obj:load() end,
      function() obj:attach() end,
      function() obj:kernel_log() end,
      function() obj:each_program() end,
      function() obj:next_map() end,
      function() obj:find_program_by_name("first") end,
      function() program:name() end,
      function() program:set_autoload(false) end,
      function() program:fd() end,
      function() program:attach() end,
      function() program:insns() end,
    }) do
      assert.error_matches(use, "^" .. closed .. "$")
    end
    assert.equal("lbpf.program (" .. closed .. ")", tostring(program))
  end)

  it("leaves maps that say what was closed", function()
    local obj = assert(lbpf.open(maps))
    local map = obj.maps.hash
    obj:close()
    local closed = "object 'build/bpf/maps.bpf.o' is closed"
    for _, method in ipairs({"name", "type", "key_size", "fd", "lookup", "update", "delete",
      "next_key", "pairs"}) do
      assert.error_matches(function()
        map[method](map, "1234")
      end, "^" .. closed .. "$")
    end
    assert.equal("lbpf.map (" .. closed .. ")", tostring(map))
  end)

  it("ends a loop over the parts", function()
    local obj = assert(lbpf.open(programs))
    assert.error_matches(function()
      for _ in obj:each_program() do
        obj:close()
      end
    end, "is closed")
  end)

  it("happens at the end of a scope", needs("close", function()
    local chunk = assert(load([[
      local lbpf = ...
      local kept
      do
        local obj <close> = assert(lbpf.open("build/bpf/maps.bpf.o"))
        kept = obj
      end
      return tostring(kept)
    ]]))
    assert.matches("%(closed%)$", chunk(lbpf))
  end))
end)

describe("an object that is dropped", function()
  it("is kept by any of its parts", function()
    local map = assert(lbpf.open(maps)).maps.hash
    local program = assert(lbpf.open(programs)).progs.first
    collectgarbage()
    collectgarbage()
    assert.equal("hash", map:name())
    assert.equal("first", program:name())
  end)

  it("is collected with all of them", function()
    local dropped = setmetatable({}, {__mode = "v"})
    dropped.object = assert(lbpf.open(maps))
    dropped.map = dropped.object.maps.hash
    dropped.maps = dropped.object.maps
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(dropped))
  end)

  it("is collected although its handler's closures see it", function()
    local dropped = setmetatable({}, {__mode = "v"})
    do
      local seen = {}
      local id = lbpf.register_prog_handler("nameless", "socket_filter", nil, {
        cookie = seen,
        prog_setup_fn = function(prog)
          seen.program = prog
        end,
        prog_attach_fn = function()
          return seen.object
        end,
      })
      seen.object = assert(lbpf.open(programs))
      dropped.seen, dropped.object, dropped.program = seen, seen.object, seen.program
      assert.equal(seen.object.progs.third, seen.program)
      lbpf.unregister_prog_handler(id)
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(dropped))
  end)

  it("is nothing to a finalizer that comes later", function()
    local results = {}
    do
      local seen = {}
      seen.older = finalized(function() -- and so finalized after the others
        for name, method in pairs(seen.methods) do
          results[name] = select(2, pcall(method, seen[name]))
        end
      end)
      seen.object = assert(lbpf.open(maps))
      seen.map = seen.object.maps.hash
      seen.methods = {object = seen.object.close, map = seen.map.lookup}
    end
    collectgarbage()
    collectgarbage()
    assert.matches("lbpf.object expected, got userdata", results.object)
    assert.matches("expected a file descriptor, or an object .*, got userdata", results.map)
  end)

  it("leaves no descriptor open", function()
    local before = process.kept_fds()
    for _ = 1, 20 do
      lbpf.open(maps)
      lbpf.open("Makefile")
      lbpf.open("build/bpf/relaxed.bpf.o")
    end
    assert.equal(before, process.kept_fds())
  end)
end)
