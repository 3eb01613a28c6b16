-- Hazard 8: A Lua error must not jump over libbpf's stack frames. It reaches the caller unchanged
-- after libbpf has returned; nothing is leaked, and the next open works.

local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

after_each(handlers.cleanup)

local has_nil_errors = (pcall(error)) == false and select(2, pcall(error)) == nil

local function each_error(check)
  for _, object in ipairs({"text", {}, setmetatable({}, {__tostring = error}), io.stdout, print, 7,
    false, true, coroutine.create(function() end)}) do
    check(object)
  end
  if has_nil_errors then -- Lua 5.5 has none
    check(nil)
  end
end

local function raises(object, fn, ...)
  local ok, got = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(rawequal(object, got))
end

describe("An error in a closure reaches the caller unchanged", function()
  local thrown, calls

  local function throw()
    calls = calls + 1
    error(thrown, 0)
  end

  before_each(function()
    calls = 0
  end)

  it("from prog_setup_fn, through open", function()
    handlers.register("abc+", "raw_tracepoint", nil, {prog_setup_fn = throw})
    local before = handlers.fds()
    each_error(function(object)
      thrown, calls = object, 0
      raises(object, lbpf.open, handlers.path)
      assert.equal(1, calls) -- abc2 is not reached
    end)
    assert.equal(before, handlers.fds())
    handlers.cleanup()
    assert.equal("unspec", handlers.open().progs.abc1:type())
  end)

  it("from prog_prepare_load_fn, through load", needs("root", function()
    handlers.register("abc+", "raw_tracepoint", nil, {prog_prepare_load_fn = throw})
    local before = handlers.fds()
    each_error(function(object)
      thrown, calls = object, 0
      local o = assert(lbpf.open(handlers.path))
      handlers.only(o, "abc1", "abc2")
      local ok, got = pcall(o.load, o)
      assert.is_false(ok)
      assert.is_true(rawequal(object, got))
      assert.equal(1, calls)
      -- a load that failed is a load
      assert.error_matches(function()
        o:load()
      end, "cannot be loaded: a load has failed")
      assert.error_matches(function()
        o.maps.hits:fd()
      end, "map 'hits' does not exist")
      o:close()
    end)
    assert.equal(before, handlers.fds())
    handlers.cleanup()
    handlers.register("abc", "raw_tracepoint")
    assert(handlers.open("abc1"):load())
  end))

  it("from prog_attach_fn, through the program's attach and the object's", needs("root", function()
    handlers.register("abc", "raw_tracepoint", nil, {prog_attach_fn = handlers.to_sys_enter})
    handlers.register("abc/", "raw_tracepoint", nil, {prog_attach_fn = throw})
    local object = handlers.open("abc1", "abc2"):load()
    local before = handlers.fds()
    each_error(function(e)
      thrown = e
      raises(e, object.progs.abc2.attach, object.progs.abc2)
      raises(e, object.attach, object)
      assert.is_false(handlers.counts(object, "abc1")) -- which was attached before abc2 failed
    end)
    assert.equal(before, handlers.fds())
    assert(object.progs.abc1:attach())
    assert.is_true(handlers.counts(object, "abc1"))
  end))
end)

describe("An error raised by a binding's function in a closure", function()
  it("is raised again with its position", function()
    handlers.register("abc", "raw_tracepoint", nil, {
      prog_setup_fn = function(prog)
        prog:set_type("no such type")
      end,
    })
    local ok, message = pcall(lbpf.open, handlers.path)
    assert.is_false(ok)
    assert.matches("08_errors_spec.lua:%d+: bad argument .*has no program type 'no such type'",
      message)
  end)

  it("may be caught in the closure", function()
    handlers.register("abc", "xdp", nil, {
      prog_setup_fn = function(prog)
        assert.is_false(pcall(prog.set_type, prog, "no such type"))
      end,
    })
    assert.equal("xdp", handlers.open().progs.abc1:type())
  end)

  it("is a stack overflow like any other", function()
    local function deeper()
      return 1 + deeper()
    end
    handlers.register("abc", "xdp", nil, {prog_setup_fn = deeper})
    assert.error_matches(function()
      lbpf.open(handlers.path)
    end, "stack overflow")
    handlers.cleanup()
    handlers.open()
  end)

  it("is the innermost one, through opens inside opens", function()
    local depth, thrown = 0, {}
    handlers.register("abc", "xdp", nil, {
      prog_setup_fn = function()
        depth = depth + 1
        if depth == 10 then
          error(thrown)
        end
        lbpf.open(handlers.path)
      end,
    })
    local before = handlers.fds()
    local ok, got = pcall(lbpf.open, handlers.path)
    assert.is_false(ok)
    assert.is_true(rawequal(thrown, got))
    assert.equal(before, handlers.fds())
  end)
end)

describe("A coroutine", function()
  it("that calls is the one in which the closures run, not the one that registered",
    needs("root", function()
      local running = {}
      local function note()
        running[#running + 1] = coroutine.running()
      end
      coroutine.wrap(function()
        handlers.register("abc", "raw_tracepoint", nil, {
          prog_setup_fn = note, prog_prepare_load_fn = note, prog_attach_fn = note,
        })
      end)()
      collectgarbage()
      local object
      local opener = coroutine.create(function()
        object = handlers.open("abc1")
      end)
      local loader = coroutine.create(function()
        object:load()
      end)
      local attacher = coroutine.create(function()
        object:attach()
      end)
      for _, co in ipairs({opener, loader, attacher}) do
        assert(coroutine.resume(co))
      end
      assert.equal(3, #running)
      assert.equal(opener, running[1])
      assert.equal(loader, running[2])
      assert.equal(attacher, running[3])
    end))

  it("cannot yield out of a closure, and the error says so", needs("root", function()
    local yield_in
    local function may_yield(name)
      return function()
        if yield_in == name then
          coroutine.yield()
        end
      end
    end
    handlers.register("abc", "raw_tracepoint", nil, {
      prog_setup_fn = may_yield("setup"),
      prog_prepare_load_fn = may_yield("prepare_load"),
      prog_attach_fn = may_yield("attach"),
    })
    local before = handlers.fds()
    for _, name in ipairs({"setup", "prepare_load", "attach", "attach"}) do
      yield_in = name
      local object
      local co = coroutine.create(function()
        object = lbpf.open(handlers.path)
        handlers.only(object, "abc1")
        object:load()
        object.progs.abc1:attach()
      end)
      local ok, message = coroutine.resume(co)
      assert.is_false(ok)
      assert.matches("attempt to yield across", message, 1, true)
      assert.equal("dead", coroutine.status(co))
      if object then
        object:close()
      end
    end
    assert.equal(before, handlers.fds())
  end))

  it("inside a closure may yield to the closure", function()
    local got = {}
    handlers.register("abc", "xdp", nil, {
      prog_setup_fn = function(prog)
        for value in coroutine.wrap(function()
          coroutine.yield(prog:type())
          prog:set_type("socket_filter")
          coroutine.yield(prog:type())
        end) do
          got[#got + 1] = value
        end
      end,
    })
    assert.equal("socket_filter", handlers.open().progs.abc1:type())
    assert.same({"xdp", "socket_filter"}, got)
  end)
end)
