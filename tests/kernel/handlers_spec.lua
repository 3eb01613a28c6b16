-- SEC() handlers: which one a section finds, and what a handler may say. Like the kernel's selftest
-- custom_sec_handlers.
local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

local register, open, counts = handlers.register, handlers.open, handlers.counts

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

  it("is used from the next open on, until it is unregistered", function()
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
