-- The closures of SEC() handlers: when they are called, with what, and what they may do.
local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

local register, open = handlers.register, handlers.open

after_each(handlers.cleanup)

describe("Closures", function()
  it("are called in the order of opening, loading and attaching, with program and cookie",
    needs("root", function()
      local calls = {}
      local cookie = {}
      local function called(what, result)
        return function(...)
          local n = select("#", ...)
          assert.equal(cookie, (select(n, ...)))
          calls[#calls + 1] = what .. " " .. tostring((...):name()) .. " " .. n
          return result and result(...)
        end
      end
      register("custom+", "raw_tracepoint", nil, {
        cookie = cookie,
        prog_setup_fn = called("setup"),
        prog_prepare_load_fn = called("prepare_load"),
        prog_attach_fn = called("attach", handlers.to_sys_enter),
      })
      local object = open("custom1", "custom2")
      assert(object:load())
      assert(object:attach())
      assert.same({"setup custom1 2", "setup custom2 2", "prepare_load custom1 3",
        "prepare_load custom2 3", "attach custom1 2", "attach custom2 2"}, calls)
    end))

  it("are all called if the first changes the type, beside a handler for a section of libbpf's",
    needs("root", function()
      local prepared = 0
      register("xdp", "xdp")
      register("abc", "raw_tracepoint", nil, {
        prog_setup_fn = function(prog)
          prog:set_type("tracepoint")
        end,
        prog_prepare_load_fn = function()
          prepared = prepared + 1
        end,
      })
      assert(open("abc1"):load())
      assert.equal(1, prepared)
    end))

  it("get the same program that the object has", function()
    local seen
    register("abc", "raw_tracepoint", nil, {
      prog_setup_fn = function(prog)
        seen = prog
      end,
    })
    assert.equal(open().progs.abc1, seen)
  end)

  it("get any value as their cookie", function()
    local thread = coroutine.create(function() end)
    local values = {{}, print, "text", 1.5, true, false, io.stdout, thread}
    for _, value in ipairs(values) do
      local got, n
      local id = register("abc", nil, nil, {
        cookie = value,
        prog_setup_fn = function(...)
          got, n = select(2, ...), select("#", ...)
        end,
      })
      open()
      assert.is_true(rawequal(value, got))
      assert.equal(2, n)
      lbpf.unregister_prog_handler(id)
    end
  end)

  it("get nil where there is no cookie", function()
    local n, got = 0, 1
    register("abc", nil, nil, {
      prog_setup_fn = function(...)
        n, got = select("#", ...), select(2, ...)
      end,
    })
    open()
    assert.equal(2, n)
    assert.is_nil(got)
  end)

  it("may say what is loaded", needs("root", function()
    register("abc+", "socket_filter", nil, {
      prog_setup_fn = function(prog)
        prog:set_autoload(prog:name() == "abc2")
      end,
    })
    register(nil, nil, nil, {
      prog_setup_fn = function(prog)
        prog:set_autoload(false)
      end,
    })
    local object = assert(lbpf.open(handlers.path))
    assert.is_false(object.progs.abc1:autoload())
    assert.is_true(object.progs.abc2:autoload())
    assert.is_false(object.progs.xyz:autoload())
    assert.is_true(object.progs.raw1:autoload())
    assert.is_false(object.progs.perf1:autoload())
    -- libbpf's own would be loaded, so not these
    object.progs.kprobe1:set_autoload(false)
    assert(object:load())
    assert.is_true(object.progs.abc2:fd() >= 0)
    assert.error_matches(function()
      object.progs.abc1:fd()
    end, "'abc1' is not loaded: its autoload is off")
    object:close()
  end))

  it("may ask for a program that its section leaves out", needs("root", function()
    register("perf_event", "socket_filter", nil, {
      prog_setup_fn = function(prog)
        assert.is_false(prog:autoload())
        prog:set_autoload(true)
      end,
    })
    local object = assert(lbpf.open(handlers.path))
    assert.is_true(object.progs.perf1:autoload())
    object:close()
  end))

  it("may replace what the program is loaded with", needs({"root", "syscall programs"}, function()
    -- a program of this type must be sleepable, and nothing else says so
    local function load(prepare)
      local id = register("xyz+", "syscall", nil, {prog_prepare_load_fn = prepare})
      local object = open("xyz")
      local ok = object:load()
      lbpf.unregister_prog_handler(id)
      return ok ~= nil
    end
    assert.is_false(load(nil))
    assert.is_true(load(function(_, opts)
      opts.prog_flags = opts.prog_flags + 16 -- BPF_F_SLEEPABLE
    end))
  end))

  it("refuse by a negative number, false, or what a refused call returns", function()
    local answer
    register("abc", nil, nil, {
      prog_setup_fn = function()
        return answer()
      end,
    })
    local function refused(fn)
      answer = fn
      local object, message, errno = lbpf.open(handlers.path)
      assert.is_nil(object)
      assert.matches("^open 'build/bpf/handlers.bpf.o': ", message)
      return errno, message
    end
    assert.equal(13, (refused(function() return -13 end)))
    assert.equal(125, (refused(function() return false end)))
    local errno, message = refused(function() return nil, "no such thing", 19 end)
    assert.equal(19, errno)
    assert.matches("ENODEV", message)
    assert.matches("no such thing", message, 1, true)
    errno, message = refused(function() return nil, "just no" end)
    assert.equal(125, errno)
    assert.matches("just no", message, 1, true)
    answer = function() return nil end
    open()
    answer = function() return true end
    open()
    answer = function() return "anything" end
    open()
  end)

  it("may refuse the load", needs("root", function()
    register("abc", "socket_filter", nil, {
      prog_prepare_load_fn = function()
        return nil, "not today", 1
      end,
    })
    local object = open("abc1")
    local ok, message, errno, log = object:load()
    assert.is_nil(ok)
    assert.equal(1, errno)
    assert.matches("^load '.*EPERM", message)
    assert.matches("not today\n", message, 1, true)
    assert.matches("not today\n", log, 1, true)
  end))
end)
