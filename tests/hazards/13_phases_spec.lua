-- Hazard 13: libbpf checks only some of what may be changed or called before a load, after it, and
-- after a failed load. lbpf checks all of it.

local handlers = require "handlers"
local needs = require "needs"

after_each(handlers.cleanup)

local exit = "\149\0\0\0\0\0\0\0"

local setters = {
  set_type = {"xdp"},
  set_expected_attach_type = {"xdp"},
  set_flags = {1},
  set_autoload = {false},
  set_ifindex = {1},
  set_attach_target = {0, "vfs_read"},
  set_insns = {exit},
  set_log_level = {1},
  set_log_buf = {4096},
}

local function each_setter(check)
  for setter, arguments in pairs(setters) do
    check(setter, (unpack or table.unpack)(arguments)) -- luacheck: globals unpack
  end
end

local function state(prog)
  return {prog:type(), prog:expected_attach_type(), prog:flags(), prog:autoload(), prog:insns(),
    prog:log_level(), prog:log_buf() or false}
end

local function loaded(prepare)
  handlers.register("abc", "raw_tracepoint", nil, {
    prog_prepare_load_fn = prepare,
    prog_attach_fn = handlers.to_sys_enter,
  })
  local object = handlers.open("abc1")
  return object, object:load()
end

local function all_too_late(object)
  for prog in object:each_program() do
    local before = state(prog)
    each_setter(function(setter, ...)
      local ok, message = pcall(prog[setter], prog, ...)
      assert.is_false(ok)
      assert.matches(("program '%s': too late, object '.*' has been loaded$"):format(prog:name()),
        message)
    end)
    assert.same(before, state(prog))
  end
end

describe("Before the load", function()
  it("a program's properties can be set, and read", function()
    local prog = handlers.open().progs.abc1
    assert.equal(prog, prog:set_type("xdp"):set_expected_attach_type("xdp_devmap"):set_flags(8)
      :set_autoload(true):set_log_level(2):set_log_buf(4096):set_ifindex(0))
    assert.equal("xdp", prog:type())
    assert.equal("xdp_devmap", prog:expected_attach_type())
    assert.equal(8, prog:flags())
    assert.is_true(prog:autoload())
    assert.equal(2, prog:log_level())
    assert.equal("", prog:log_buf())
  end)

  it("nothing can be attached, and there are no descriptors", function()
    local object = handlers.open()
    for _, fn in ipairs({
      function() object:attach() end,
      function() object.progs.abc1:attach() end,
      function() object.progs.raw1:attach() end,
      function() object.progs.raw1:attach_raw_tracepoint("sys_enter") end,
      function() object.progs.raw1:fd() end,
      function() object.maps.hits:fd() end,
      function() object.maps.hits:lookup(0) end,
    }) do
      assert.error_matches(fn, "is not loaded")
    end
  end)
end)

describe("After the load", function()
  it("a program's properties are what they were", needs("root", function()
    local object, ok = loaded()
    assert(ok)
    all_too_late(object)
    assert(object:attach())
    assert.is_true(handlers.counts(object, "abc1"))
  end))

  it("only autoattach can be changed", needs("root", function()
    local object = loaded()
    object.progs.abc1:set_autoattach(false)
    assert.is_false(object.progs.abc1:autoattach())
    assert(object:attach())
    assert.is_false(handlers.counts(object, "abc1"))
  end))

  it("it cannot be loaded again", needs("root", function()
    local calls = 0
    local object = loaded(function()
      calls = calls + 1
    end)
    assert.error_matches(function()
      object:load()
    end, "^object '.*' is loaded already$")
    assert.equal(1, calls)
    assert.is_true(object.progs.abc1:fd() > 0)
  end))
end)

describe("After a failed load", function()
  local function failed()
    local object, ok = loaded(function()
      return -1
    end)
    assert.is_nil(ok)
    return object
  end

  it("it is too late as well", needs("root", function()
    all_too_late(failed())
  end))

  it("loading cannot be tried again", needs("root", function()
    local object = failed()
    assert.error_matches(function()
      object:load()
    end, "^object '.*' cannot be loaded: a load has failed$")
  end))

  it("no program and no map is in the kernel", needs("root", function()
    local before = handlers.fds()
    local progs, maps = handlers.fds("bpf-prog"), handlers.fds("bpf-map")
    local object = failed()
    assert.equal(progs, handlers.fds("bpf-prog"))
    assert.equal(maps, handlers.fds("bpf-map"))
    for _, fn in ipairs({
      function() object:attach() end,
      function() object.progs.abc1:attach() end,
      function() object.progs.abc1:fd() end,
      function() object.progs.abc1:attach_raw_tracepoint("sys_enter") end,
      function() object.maps.hits:fd() end,
      function() object.maps.hits:lookup(0) end,
    }) do
      assert.error_matches(fn, "is not loaded")
    end
    assert.is_true(object:close())
    assert.equal(before, handlers.fds())
  end))

  it("a program that had been loaded before the one that failed is gone", needs("root", function()
    handlers.register("abc", "raw_tracepoint")
    handlers.register("abc/", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function()
        return -1
      end,
    })
    local progs = handlers.fds("bpf-prog")
    local object = handlers.open("abc1", "abc2")
    assert.is_nil((object:load()))
    assert.error_matches(function()
      object.progs.abc1:fd()
    end, "is not loaded")
    assert.equal(progs, handlers.fds("bpf-prog"))
  end))

  it("a link that a closure made meanwhile goes with the object", needs("root", function()
    local object
    handlers.register("abc", "raw_tracepoint")
    handlers.register("abc/", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function()
        assert(handlers.to_sys_enter(object.progs.abc1))
        return -1
      end,
    })
    local before = handlers.fds()
    object = handlers.open("abc1", "abc2")
    assert.is_nil((object:load()))
    object:close()
    assert.equal(before, handlers.fds())
  end))
end)
