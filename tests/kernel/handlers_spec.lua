-- SEC() handlers: which handler a section finds, what its closures are given and what follows from
-- them in the kernel. After the kernel's selftest custom_sec_handlers.

local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

local register, open, hits, counts =
  handlers.register, handlers.open, handlers.hits, handlers.counts

after_each(handlers.cleanup)

-- Which of the registered sections handles each program: {abc1 = "abc", ...}
local function who_handles(sections, prog_type)
  local found = {}
  for _, sec in ipairs(sections) do
    register(sec or nil, prog_type or "raw_tracepoint", nil, {
      prog_setup_fn = function(prog)
        found[prog:name()] = sec or "generic"
      end,
    })
  end
  open()
  return found
end

describe("A section is handled by", function()
  it("the handler of just that name", function()
    assert.same({abc1 = "abc"}, who_handles({"abc"}))
  end)

  it("the handler of its beginning, if that ends in a slash", function()
    assert.same({abc2 = "abc/"}, who_handles({"abc/"}))
  end)

  it("the handler of both, if that ends in a plus", function()
    assert.same({custom1 = "custom+", custom2 = "custom+"}, who_handles({"custom+"}))
  end)

  it("no handler whose name is only the beginning of a word", function()
    assert.same({}, who_handles({"ab+", "ab", "custom/some", "custom/some+", "custom/some/",
      "xyz"}))
  end)

  it("the one that was registered first, of those that match", function()
    assert.same({abc1 = "abc", abc2 = "abc+"}, who_handles({"abc", "abc+", "abc/", "abc/whatever"}))
  end)

  it("the generic one where no other matches, and libbpf neither", function()
    assert.same({abc1 = "abc", abc2 = "generic", custom1 = "generic", custom2 = "generic",
      xyz = "xyz+", nothing = "generic"}, who_handles({false, "abc", "xyz+"}))
  end)

  it("a script's rather than by libbpf's own", function()
    assert.same({kprobe1 = "kprobe+", xdp1 = "xdp", perf1 = "perf_event", raw1 = "raw_tp/"},
      who_handles({"kprobe+", "xdp", "perf_event", "raw_tp/"}))
  end)

  it("a script's for all of libbpf's names with one beginning", function()
    assert.same({connect4 = "cgroup/", nothing = "cgroup/"}, who_handles({"cgroup/"}))
    handlers.cleanup()
    assert.same({connect4 = "cgroup/", nothing = "cgroup/nothing"},
      who_handles({"cgroup/nothing", "cgroup/"}))
  end)
end)

describe("A handler", function()
  it("sets the programs' types", function()
    register("abc", "xdp", "xdp_devmap")
    register("kprobe+", "tracepoint", nil)
    register("xdp", "perf_event", "trace_kprobe_multi")
    register("abc/", nil, nil, {
      prog_setup_fn = function(prog)
        assert.equal("unspec", prog:type())
        prog:set_type("cgroup_sock_addr"):set_expected_attach_type("cgroup_inet6_bind")
      end,
    })
    local progs = open().progs
    assert.equal("xdp", progs.abc1:type())
    assert.equal("xdp_devmap", progs.abc1:expected_attach_type())
    assert.equal("tracepoint", progs.kprobe1:type())
    assert.equal("perf_event", progs.xdp1:type())
    assert.equal("trace_kprobe_multi", progs.xdp1:expected_attach_type())
    assert.equal("cgroup_sock_addr", progs.abc2:type())
    assert.equal("cgroup_inet6_bind", progs.abc2:expected_attach_type())
    -- and those of no others
    assert.equal("unspec", progs.custom1:type())
    assert.equal("raw_tracepoint", progs.raw1:type())
  end)

  it("takes types as numbers, too", function()
    register("abc", 6, 37)
    local prog = open().progs.abc1
    assert.equal("xdp", prog:type())
    assert.equal("xdp", prog:expected_attach_type())
  end)

  it("of different types may lie behind one of libbpf's names", needs("root", function()
    local prepared = {}
    local function prepare(prog)
      prepared[#prepared + 1] = prog:name()
    end
    register("cgroup/nothing", "xdp", nil, {prog_prepare_load_fn = prepare})
    register("cgroup/", "socket_filter", nil, {prog_prepare_load_fn = prepare})
    local first, second = open("connect4", "nothing"), open("connect4", "nothing")
    for _, object in ipairs({first, second}) do
      assert.equal("xdp", object.progs.nothing:type())
      assert.equal("socket_filter", object.progs.connect4:type())
      assert(object:load())
    end
    table.sort(prepared)
    assert.same({"connect4", "connect4", "nothing", "nothing"}, prepared)
  end))

  it("is consulted at the next open, and no more once it is unregistered", function()
    local calls = 0
    local id = register("abc", "xdp", nil, {
      prog_setup_fn = function()
        calls = calls + 1
      end,
    })
    assert.equal("xdp", open().progs.abc1:type())
    assert.is_true(lbpf.unregister_prog_handler(id))
    assert.equal("unspec", open().progs.abc1:type())
    assert.equal(1, calls)
  end)

  it("of libbpf's own name leaves that to libbpf once it is unregistered", needs("root", function()
    local id = register("raw_tp+", "socket_filter")
    local overridden = open("raw1")
    assert.is_true(lbpf.unregister_prog_handler(id))
    assert.equal("socket_filter", overridden.progs.raw1:type())
    assert(overridden:load())
    local own = open("raw1"):load()
    assert.equal("raw_tracepoint", own.progs.raw1:type())
    assert(own:attach())
    assert.is_true(counts(own, "raw1"))
  end))

  it("can be unregistered once", function()
    local id = register("abc")
    assert.is_true(lbpf.unregister_prog_handler(id))
    local ok, message, errno = lbpf.unregister_prog_handler(id)
    assert.is_nil(ok)
    assert.equal(("unregister_prog_handler(%d): No such file or directory (ENOENT)"):format(id),
      message)
    assert.equal(2, errno)
  end)

  it("can be the generic one only once", function()
    local id = register(nil, "xdp")
    local second, message, errno = lbpf.register_prog_handler(nil, "xdp")
    assert.is_nil(second)
    assert.equal("register_prog_handler(nil): there is a generic handler: "
      .. "Device or resource busy (EBUSY)", message)
    assert.equal(16, errno)
    assert.is_true(lbpf.unregister_prog_handler(id))
    register(nil, "socket_filter")
    assert.equal("socket_filter", open().progs.xyz:type())
  end)

  it("says what is wrong with its description", function()
    local function fails(pattern, ...)
      local ok, message = pcall(lbpf.register_prog_handler, ...)
      assert.is_false(ok)
      assert.matches(pattern, message)
    end
    fails("#2.*has no program type 'kprob'", "abc", "kprob")
    fails("#3.*has no attach type 'nowhere'", "abc", "kprobe", "nowhere")
    fails("#4.*'prog_setup_fn' must be a function", "abc", "kprobe", nil, {prog_setup_fn = 1})
    fails("#4.*'prog_attach_fn' must be a function", "abc", "kprobe", nil, {prog_attach_fn = {}})
    fails("#4.*unknown option 'setup'; expected one of: cookie, ", "abc", "kprobe", nil,
      {setup = print})
    fails("#1.*string expected", {})
    fails("#2.*struct_ops", "abc", "struct_ops")
    assert.equal("unspec", open().progs.abc1:type())
  end)
end)

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

  it("may replace what the program is loaded with", needs("root", function()
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

describe("An attach closure", function()
  -- The object with abc1 and abc2 loaded, both attached by FN.
  local function loaded(fn)
    register("abc+", "raw_tracepoint", nil, {prog_attach_fn = fn})
    return assert(open("abc1", "abc2"):load())
  end

  it("attaches: the program counts, until its link is destroyed", needs("root", function()
    local object = loaded(handlers.to_sys_enter)
    local prog = object.progs.abc1
    assert.equal(0, hits(object, "abc1"))
    local link = assert(prog:attach())
    assert.is_true(counts(object, "abc1"))
    assert.equal(link, object.links.abc1)
    assert.is_true(link:destroy())
    assert.is_false(counts(object, "abc1"))
    assert.equal(0, hits(object, "abc2"))
  end))

  it("is what attaching the whole object calls, once for each program", needs("root", function()
    local object = loaded(handlers.to_sys_enter)
    assert.equal(object, object:attach())
    assert.is_true(counts(object, "abc1"))
    assert.is_true(counts(object, "abc2"))
    local link = object.links.abc1
    assert(object:attach())
    assert.equal(link, object.links.abc1)
    link:destroy()
    assert(object:attach())
    assert.not_equal(link, object.links.abc1)
    assert.is_true(counts(object, "abc1"))
  end))

  it("may return a list of links", needs("root", function()
    local object = loaded(function(prog)
      return {handlers.to_sys_enter(prog), prog:attach_raw_tracepoint("sys_exit")}
    end)
    local links = assert(object.progs.abc1:attach())
    assert.equal(2, #links)
    assert.equal(links, object.links.abc1)
    assert.is_true(counts(object, "abc1"))
    links[1]:destroy()
    assert.is_true(counts(object, "abc1"))
    links[2]:destroy()
    assert.is_false(counts(object, "abc1"))
    assert.is_nil(object.links.abc1)
  end))

  it("may return a list of links, which is one to whoever has it", needs("root", function()
    local object = loaded(function(prog)
      return {handlers.to_sys_enter(prog), prog:attach_raw_tracepoint("sys_exit")}
    end)
    local links = assert(object.progs.abc1:attach())
    assert.equal("lbpf.links: 2", tostring(links))
    local info = links:info()
    assert.same({"raw_tracepoint", "raw_tracepoint"}, {info[1].type, info[2].type})
    assert.same({nil, "update_program: link of 'abc1': Invalid argument (EINVAL)", 22},
      {links:update_program(object.progs.abc1)})
    assert.same({nil, "detach: link of 'abc1': Operation not supported (EOPNOTSUPP)", 95},
      {links:detach()})
    assert.is_true(links:destroy())
    assert.is_true(links:destroy())
    assert.is_false(counts(object, "abc1"))
    assert.is_nil(object.links.abc1)
    assert.equal(object, object:attach())
    assert.equal(2, #object.links.abc1)
    assert.equal(object, object:detach())
    assert.is_nil(object.links.abc1)
    assert.is_false(counts(object, "abc1"))
  end))

  it("may return a list with a metatable of its own", needs("root", function()
    local meta = {}
    local object = loaded(function(prog)
      return setmetatable({handlers.to_sys_enter(prog)}, meta)
    end)
    assert.equal(meta, getmetatable(object.progs.abc1:attach()))
  end))

  it("that returns nothing attaches nothing", needs("root", function()
    for _, answer in ipairs({{}, {nil}, {true}, {0}, {7}}) do
      local object = loaded(function()
        return (unpack or table.unpack)(answer) -- luacheck: globals unpack
      end)
      local link, message, errno = object.progs.abc1:attach()
      assert.is_nil(link)
      assert.equal("attach: program 'abc1', SEC(\"abc\") names no target: "
        .. "Operation not supported (EOPNOTSUPP); attach it with one of the methods "
        .. "program:attach_...()", message)
      assert.equal(95, errno)
      assert.equal(object, object:attach())
      assert.is_nil(rawget(object.links, "abc1"))
      handlers.cleanup()
    end
  end))

  it("that is missing attaches nothing", needs("root", function()
    local object = loaded(nil)
    assert.equal(95, (select(3, object.progs.abc1:attach())))
    assert.equal(object, object:attach())
  end))

  it("passes on what was refused", needs("root", function()
    local object = loaded(function(prog)
      return prog:attach_raw_tracepoint("no_such_event")
    end)
    local link, message, errno = object.progs.abc1:attach()
    assert.is_nil(link)
    assert.matches("no_such_event", message)
    assert.equal(2, errno)
    link, message, errno = object:attach()
    assert.is_nil(link)
    assert.matches("no_such_event", message)
    assert.equal(2, errno)
  end))

  it("may refuse with an error of its own", needs("root", function()
    local object = loaded(function(prog)
      if prog:name() == "abc1" then
        return nil, "not on this machine", 19
      end
      return -13
    end)
    assert.same({nil, "not on this machine", 19}, {object.progs.abc1:attach()})
    local link, message, errno = object.progs.abc2:attach()
    assert.is_nil(link)
    assert.equal("prog_attach_fn: Permission denied (EACCES)", message)
    assert.equal(13, errno)
  end))

  it("that refuses undoes what the same call has attached", needs("root", function()
    local object = loaded(function(prog)
      if prog:name() == "abc2" then
        return -13
      end
      return {handlers.to_sys_enter(prog)}
    end)
    local before = handlers.fds()
    assert.equal(13, (select(3, object:attach())))
    assert.equal(before, handlers.fds())
    assert.is_false(counts(object, "abc1"))
    -- but not what was attached before
    local mine = handlers.to_sys_enter(object.progs.abc1)
    assert.equal(13, (select(3, object:attach())))
    assert.equal(mine, object.links.abc1)
    assert.is_true(counts(object, "abc1"))
  end))

  it("must return links", needs("root", function()
    local answer
    local object = loaded(function()
      return answer
    end)
    local function refuses(value, pattern)
      answer = value
      local function attach_one()
        object.progs.abc1:attach()
      end
      assert.error_matches(attach_one, pattern)
      assert.error_matches(function()
        object:attach()
      end, pattern)
    end
    local expected = "prog_attach_fn must return a link, a list of links, or nil; not "
    refuses("text", expected .. "string")
    refuses(print, expected .. "function")
    refuses(io.stdout, expected .. "userdata")
    refuses(object, expected .. "userdata")
    refuses({1}, expected .. "number")
    local link = handlers.to_sys_enter(object.progs.abc2)
    refuses({link, false}, expected .. "boolean")
    refuses(0.5, "prog_attach_fn must return an integer")
    link:destroy()
    refuses(link, "prog_attach_fn returned a link that was destroyed")
    refuses({link}, "prog_attach_fn returned a link that was destroyed")
    local other = open("raw1"):load()
    refuses(other.progs.raw1:attach(), "prog_attach_fn returned a link of object '.*handlers")
    assert.is_true(counts(other, "raw1"))
    other:close()
    assert.is_nil(rawget(object.links, "abc1"))
  end))

  it("is not called where autoattach is off, but for the program itself", needs("root", function()
    local object = loaded(handlers.to_sys_enter)
    object.progs.abc1:set_autoattach(false)
    assert(object:attach())
    assert.is_nil(rawget(object.links, "abc1"))
    assert.is_true(counts(object, "abc2"))
    assert(object.progs.abc1:attach())
    assert.is_true(counts(object, "abc1"))
  end))

  it("is not called for a program that was not loaded", needs("root", function()
    local called = {}
    register("abc+", "raw_tracepoint", nil, {
      prog_attach_fn = function(prog)
        called[#called + 1] = prog:name()
      end,
    })
    local object = open("abc2"):load()
    assert(object:attach())
    assert.same({"abc2"}, called)
    assert.error_matches(function()
      object.progs.abc1:attach()
    end, "'abc1' is not loaded: its autoload is off")
  end))

  it("may attach to a kernel function, and see its handler's section", needs({"root", "kprobes"},
    function()
      register("abc/", "kprobe", nil, {
        prog_attach_fn = function(prog)
          assert.equal("abc/whatever", prog:section_name())
          return prog:attach_ksyscall("getcwd")
        end,
      })
      local object = open("abc2"):load()
      assert.equal(0, hits(object, "abc2"))
      assert(object:attach())
      assert.is_true(counts(object, "abc2"))
    end))
end)
