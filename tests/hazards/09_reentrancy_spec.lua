-- Hazard 9: A handler's function may act on the object that libbpf is working on, on other
-- objects, on the handlers and on the garbage collector. What would break libbpf raises;
-- everything else works.

local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

local register, open = handlers.register, handlers.open

after_each(handlers.cleanup)

local path = "build/bpf/handlers.bpf.o"

describe("In its own callback an object", function()
  it("refuses to be closed or loaded again, and is loaded all the same", needs("root", function()
    local object
    local messages = {}
    register("abc", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function()
        for _, method in ipairs({"close", "load"}) do
          local ok, message = pcall(object[method], object)
          assert.is_false(ok)
          messages[#messages + 1] = message
        end
      end,
      prog_attach_fn = handlers.to_sys_enter,
    })
    object = open("abc1")
    assert(object:load())
    assert.same({
      "object '" .. path .. "' is busy: close() inside its own callback",
      "object '" .. path .. "' is busy: load() inside its own callback",
    }, messages)
    assert(object:attach())
    assert.is_true(handlers.counts(object, "abc1"))
    assert.is_true(object:close())
  end))

  it("cannot be attached yet", needs("root", function()
    local object
    local refused = 0
    register("abc", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function(prog)
        for _, fn in ipairs({
          function() object:attach() end,
          function() prog:attach() end,
          function() handlers.to_sys_enter(prog) end,
          function() prog:fd() end,
        }) do
          assert.error_matches(fn, "is not loaded")
          refused = refused + 1
        end
      end,
    })
    object = open("abc1")
    assert(object:load())
    assert.equal(4, refused)
  end))

  it("is not closed by <close> or the collector, but when that is over", needs("root", function()
    local before = handlers.fds()
    local object
    local attempts = 0
    register("abc", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function(prog)
        local meta = debug.getmetatable(object)
        assert.is_false(pcall(meta.__close, object))
        assert.is_false(pcall(meta.__gc, object)) -- as a script with the debug library may
        object = nil
        collectgarbage()
        collectgarbage()
        assert.equal("abc1", prog:name())
        attempts = attempts + 1
      end,
    })
    do
      local o = assert(lbpf.open(path))
      handlers.only(o, "abc1")
      object = o
      local meta = debug.getmetatable(o)
      assert(meta.__index(o, "load"))(o)
    end
    assert.equal(1, attempts)
    assert.equal(before, handlers.fds())
  end))

  it("that no variable holds lives to the end of the call", needs("root", function()
    local calls = 0
    register("abc+", "raw_tracepoint", nil, {
      prog_setup_fn = function()
        collectgarbage()
      end,
      prog_prepare_load_fn = function(prog)
        collectgarbage()
        collectgarbage()
        assert.is_string(prog:name())
        calls = calls + 1
      end,
    })
    local before = handlers.fds()
    assert(handlers.only(assert(lbpf.open(path)), "abc1", "abc2"):load())
    assert.equal(2, calls)
    assert.equal(before, handlers.fds())
  end))

  it("has maps that can be read and written, or that do not exist yet", needs("root", function()
    local object, written, message
    register("abc", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function()
        written, message = pcall(function()
          assert.equal(0, handlers.hits(object, 50))
          assert(object.maps.hits:update(50, 7))
        end)
      end,
    })
    object = open("abc1")
    assert(object:load())
    if not written then -- as newer versions of libbpf have it
      assert.matches("map 'hits' does not exist: object '.*' is not loaded", message)
    end
    assert.equal(written and 7 or 0, handlers.hits(object, 50))
  end))

  it("survives that programs before and behind it are turned on and off", needs("root", function()
    local object
    local changes = 0
    register("abc+", "raw_tracepoint")
    register("custom", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function()
        changes = changes + 1
        object.progs.abc1:set_autoload(false)
        object.progs.abc2:set_autoload(true)
        object.progs.custom2:set_autoload(true)
        object.progs.raw1:set_autoload(true)
      end,
    })
    object = open("abc1", "custom1")
    object:load() -- what was off has not been relocated: the kernel may refuse it
    assert.is_true(changes > 0)
    assert.is_false(object.progs.abc1:autoload())
    object:close()
  end))

  it("that is still being opened cannot be used", function()
    -- only the debug library leads from a program to its object
    local uservalue = _VERSION == "Lua 5.1" and debug.getfenv or debug.getuservalue
    local refused = 0
    register("abc", "xdp", nil, {
      prog_setup_fn = function(prog)
        local object = uservalue(prog, 1).object
        for _, fn in ipairs({
          function() object:name() end,
          function() object:next_program() end,
          function() object:next_map() end,
          function() object:load() end,
          function() object:close() end,
          function() object:attach() end,
          function() return object.progs end,
        }) do
          assert.error_matches(fn, "is b") -- being opened, or busy
          refused = refused + 1
        end
      end,
    })
    open()
    assert.equal(7, refused)
  end)
end)

describe("A closure may", function()
  it("open, load, attach and close other objects", needs("root", function()
    local depth, calls = 0, {}
    local function nest(what)
      return function()
        if depth > 0 then
          return
        end
        depth = depth + 1
        local other = handlers.only(assert(lbpf.open(path)), "abc1")
        assert(other:load())
        assert(other.progs.abc1:attach_raw_tracepoint("sys_enter"))
        assert.is_true(handlers.counts(other, "abc1"))
        other:close()
        calls[#calls + 1] = what
        depth = depth - 1
      end
    end
    register("abc", "raw_tracepoint", nil, {
      prog_setup_fn = nest("setup"),
      prog_prepare_load_fn = nest("prepare_load"),
      prog_attach_fn = nest("attach"),
    })
    local before = handlers.fds()
    local object = open("abc1")
    assert(object:load())
    assert(object:attach())
    assert.same({"setup", "prepare_load", "attach"}, calls)
    object:close()
    assert.equal(before, handlers.fds())
  end))

  it("load other objects whose handlers lie in libbpf's array", needs("root", function()
    local depth = 0
    register("raw_tp+", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function()
        if depth == 0 then
          depth = 1
          assert(handlers.only(assert(lbpf.open(path)), "raw1"):load()):close()
        end
      end,
      prog_attach_fn = handlers.to_sys_enter,
    })
    local object = open("raw1")
    assert(object:load():attach())
    assert.is_true(handlers.counts(object, "raw1"))
    assert.equal(1, depth)
  end))

  it("see other opens fail without failing itself", function()
    register("abc", "xdp", nil, {
      prog_setup_fn = function()
        assert.is_nil((lbpf.open("no/such/file")))
      end,
    })
    assert.equal("xdp", open().progs.abc1:type())
  end)

  it("register and unregister handlers, its own too", needs("root", function()
    local id
    local setups, loads = 0, 0
    id = register("abc", "raw_tracepoint", nil, {
      prog_setup_fn = function()
        setups = setups + 1
        assert(lbpf.unregister_prog_handler(id))
        for i = 1, 100 do
          register("more" .. i, "xdp")
        end
        collectgarbage()
      end,
      prog_prepare_load_fn = function()
        loads = loads + 1
        register("kprobe+", "xdp")
      end,
    })
    local object = open("abc1")
    assert(object:load())
    assert.equal("xdp", open().progs.kprobe1:type())
    assert.same({1, 1}, {setups, loads})
  end))

  it("close the object of which it attaches a program", needs("root", function()
    local object
    register("abc", "raw_tracepoint", nil, {
      prog_attach_fn = function(prog)
        local link = handlers.to_sys_enter(prog)
        object:close()
        return link
      end,
    })
    local before = handlers.fds()
    for _, attach in ipairs({
      function() object.progs.abc1:attach() end,
      function() object:attach() end,
    }) do
      object = open("abc1"):load()
      assert.error_matches(attach, "object '" .. path .. "' is closed")
    end
    assert.equal(before, handlers.fds())
  end))
end)

describe("Programs that a setup closure was given", function()
  it("die with an open that fails", function()
    local seen = {}
    register("abc+", "xdp", nil, {
      prog_setup_fn = function(prog)
        seen[#seen + 1] = prog
        return #seen == 2 and -1 or 0
      end,
    })
    assert.is_nil((lbpf.open(path)))
    assert.equal(2, #seen)
    collectgarbage()
    for _, prog in ipairs(seen) do
      for _, fn in ipairs({prog.name, prog.type, prog.insns, prog.attach, prog.set_autoload,
        prog.log_buf}) do
        assert.error_matches(function()
          fn(prog, true)
        end, "object '" .. path .. "' is closed")
      end
      assert.equal("lbpf.program (object '" .. path .. "' is closed)", tostring(prog))
    end
  end)

  it("die with an open that an error ends", function()
    local seen
    register("abc", "xdp", nil, {
      prog_setup_fn = function(prog)
        seen = prog
        error("no")
      end,
    })
    assert.is_false(pcall(lbpf.open, path))
    assert.error_matches(function()
      seen:name()
    end, "is closed")
  end)

  it("live as long as one of them is held", needs("root", function()
    local seen
    register("abc", "raw_tracepoint", nil, {
      prog_setup_fn = function(prog)
        seen = prog
      end,
    })
    local before = handlers.fds()
    handlers.only(assert(lbpf.open(path)), "abc1"):load()
    collectgarbage()
    assert.is_true(seen:fd() > 0)
    assert(handlers.to_sys_enter(seen))
    seen = nil -- luacheck: ignore
    handlers.cleanup()
    assert.equal(before, handlers.fds())
  end))
end)
