-- Hazard 1: A program that was opened keeps a pointer into libbpf's array of handlers, and
-- registering a handler moves the array. Handlers registered or removed after the open do not
-- affect an object.

local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

local register, open = handlers.register, handlers.open

after_each(handlers.cleanup)

-- A handler whose closures note their calls with its cookie.
local function noting(calls, cookie)
  return {
    cookie = cookie,
    prog_setup_fn = function(prog, c)
      calls[#calls + 1] = {"setup", prog:name(), c}
    end,
    prog_prepare_load_fn = function(prog, _, c)
      calls[#calls + 1] = {"prepare_load", prog:name(), c}
    end,
    prog_attach_fn = function(prog, c)
      calls[#calls + 1] = {"attach", prog:name(), c}
      return handlers.to_sys_enter(prog)
    end,
  }
end

-- Moves every array of handlers that there is, and fills what was freed with other handlers.
local function churn(calls)
  local mine = {}
  for i = 1, 200 do
    mine[i] = register(({"abc+", "raw_tp+", "kprobe/", "filler" .. i})[i % 4 + 1],
      "raw_tracepoint", nil, noting(calls, "wrong"))
  end
  -- opening makes the entries in libbpf's array that these ask for, if it may
  local other = lbpf.open(handlers.path)
  if other then
    other:close()
  end
  for _, id in ipairs(mine) do
    assert(lbpf.unregister_prog_handler(id))
  end
end

local function runs_the_original(section, name)
  local calls, noise = {}, {}
  local cookie = {}
  local id = register(section, "raw_tracepoint", nil, noting(calls, cookie))
  local object = open(name)
  assert.same({{"setup", name, cookie}}, calls)
  assert(lbpf.unregister_prog_handler(id))
  churn(noise)
  assert(object:load())
  churn(noise)
  assert.same({"prepare_load", name, cookie}, calls[2])
  assert(object:attach())
  assert.same({"attach", name, cookie}, calls[3])
  assert.is_true(rawequal(cookie, calls[3][3]))
  assert.equal(3, #calls)
  assert.is_true(handlers.counts(object, name))
  for _, call in ipairs(noise) do
    assert.equal("setup", call[1])
  end
end

describe("An opened object keeps its handlers", function()
  it("of names that libbpf does not know", needs("root", function()
    runs_the_original("abc", "abc1")
    runs_the_original("abc/", "abc2")
  end))

  it("of names that libbpf has itself, which lie in its array", needs("root", function()
    runs_the_original("raw_tp/", "raw1")
    runs_the_original("kprobe+", "kprobe1")
    runs_the_original("perf_event", "perf1")
  end))

  it("the generic one, too", needs("root", function()
    local calls = {}
    local id = register(nil, "raw_tracepoint", nil, noting(calls, "first"))
    local object = open("xyz")
    lbpf.unregister_prog_handler(id)
    register(nil, "socket_filter", nil, noting(calls, "second"))
    assert(object:load():attach())
    assert.same({"attach", "xyz", "first"}, calls[#calls])
    assert.is_true(handlers.counts(object, "xyz"))
  end))

  it("and drops them when it is collected", function()
    local kept = setmetatable({}, {__mode = "k"})
    local function make()
      local cookie = {}
      kept[cookie] = true
      local id = register("abc", nil, nil, {cookie = cookie})
      local object = assert(lbpf.open(handlers.path))
      lbpf.unregister_prog_handler(id)
      return object
    end
    local object = make()
    collectgarbage()
    assert.is_not_nil(next(kept))
    object:close()
    object = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(kept))
  end)
end)

describe("While an object points into libbpf's array", function()
  local busy = "^open 'build/bpf/handlers.bpf.o': a handler overrides libbpf's own SEC%(%), and "
    .. "object 'the holder' must be loaded or closed first: .*%(EBUSY%)$"

  -- An object from memory has the name that it is given.
  local function holder(...)
    local file = assert(io.open(handlers.path, "rb"))
    local bytes = file:read("*a")
    file:close()
    local object = assert(lbpf.open_mem(bytes, {object_name = "the holder"}))
    return handlers.only(object, ...)
  end

  local function is_busy()
    local object, message, errno = lbpf.open(handlers.path)
    assert.is_nil(object)
    assert.matches(busy, message)
    assert.equal(16, errno)
  end

  it("an open that would move it is refused, until it has been loaded", needs("root", function()
    register("raw_tp+", "socket_filter")
    local first = holder("raw1")
    register("xdp", "socket_filter")
    is_busy()
    assert(first:load())
    assert.equal("socket_filter", open().progs.xdp1:type())
    first:close()
  end))

  it("... or its load has failed", needs("root", function()
    register("raw_tp+", "syscall") -- which must be sleepable
    local first = holder("raw1")
    register("xdp", "socket_filter")
    is_busy()
    assert.is_nil((first:load()))
    open()
    first:close()
  end))

  it("... or closed", function()
    register("perf_event", "socket_filter")
    local first = holder()
    register("xdp", "socket_filter")
    is_busy()
    first:close()
    open()
  end)

  it("... or forgotten", function()
    register("raw_tp+", "socket_filter")
    holder()
    register("xdp", "socket_filter")
    assert.equal("socket_filter", open().progs.xdp1:type())
  end)

  it("a name cannot be given back to libbpf", function()
    local id = register("raw_tp+", "socket_filter")
    local first = holder()
    assert.is_true(lbpf.unregister_prog_handler(id))
    is_busy()
    first:close()
    assert.equal("raw_tracepoint", open().progs.raw1:type())
  end)

  it("objects that need no other array can be opened and loaded", needs("root", function()
    register("raw_tp+", "socket_filter")
    local first = holder("raw1")
    local second = open("raw1", "abc1")
    register("abc", "socket_filter")
    local third = open("raw1", "abc1")
    assert(third:load())
    assert.is_nil((second:load())) -- its abc1 has no handler
    assert(first:load())
    first:close()
  end))
end)

describe("An object that is being opened", function()
  it("sees the handlers of the moment when that began", function()
    local seen, ids = {}, {}
    for i, sec in ipairs({"abc", "abc/", "custom+", "raw_tp+", "xdp"}) do
      ids[i] = register(sec, "socket_filter", nil, {
        prog_setup_fn = function(prog)
          seen[#seen + 1] = prog:name()
          for _, id in ipairs(ids) do
            lbpf.unregister_prog_handler(id)
          end
          register("xyz+", "xdp")
        end,
      })
    end
    local object = open()
    table.sort(seen)
    assert.same({"abc1", "abc2", "custom1", "custom2", "raw1", "xdp1"}, seen)
    assert.equal("socket_filter", object.progs.raw1:type())
    assert.equal("unspec", object.progs.xyz:type())
    object:close()
    object = open()
    assert.equal("raw_tracepoint", object.progs.raw1:type())
    assert.equal("xdp", object.progs.xyz:type())
    assert.equal(6, #seen)
  end)
end)
