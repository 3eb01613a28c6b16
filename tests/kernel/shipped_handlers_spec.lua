-- The SEC() names that lbpf brings: lbpf.handlers.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"
local network = require "network"

describe("a handler that lbpf brings", function()
  local ids, object

  -- Opens the object with handlers of these kinds; only the named programs will be loaded.
  local function open(kinds, ...)
    ids = assert(lbpf.handlers.register((table.unpack or unpack)(kinds)))
    object = assert(lbpf.open("build/bpf/shipped.bpf.o"))
    for prog in object:each_program() do
      prog:set_autoload(false)
    end
    for _, name in ipairs {...} do
      object.progs[name]:set_autoload(true)
    end
  end

  local function start(kinds, ...)
    open(kinds, ...)
    assert(object:load())
    assert(object:attach())
  end

  local function hits(key)
    return tonumber(object.maps.hits:lookup(key))
  end

  -- Runs FN until the program has counted.
  local function counts(key, fn)
    local before = hits(key)
    child.wait_until(function()
      fn()
      return hits(key) > before
    end)
  end

  local function spin()
    for _ = 1, 1e5 do end
  end

  -- The shell asks for its parent when it starts.
  local function call_getppid()
    os.execute("true")
  end

  -- One datagram over the loopback interface.
  local function send()
    child.output("bash -c 'echo >/dev/udp/127.0.0.1/7009'")
  end

  after_each(function()
    if object then
      object:close()
    end
    if ids then
      lbpf.handlers.unregister(ids)
    end
    object, ids = nil, nil
  end)

  it("samples a perf event by its name, on each CPU", needs("root", function()
    start({"perf_event"}, "by_name")
    counts(0, spin)
    assert.is_true(#object.links.by_name >= 1)
  end))

  it("samples a perf event by its numbers", needs("root", function()
    start({"perf_event"}, "by_number")
    counts(1, spin)
  end))

  it("samples on one CPU alone", needs("root", function()
    start({"perf_event"}, "one_cpu")
    assert.equal(1, #object.links.one_cpu)
    counts(2, function()
      child.output("taskset -c 0 true")
    end)
  end))

  it("runs a program every millisecond", needs("root", function()
    start({"every"}, "every_millisecond")
    counts(3, spin)
  end))

  it("runs a program when a system call is entered, and when it has returned",
    needs({"root", "tracefs"}, function()
      start({"syscall"}, "entered", "returned")
      counts(4, call_getppid)
      counts(5, call_getppid)
    end))

  it("attaches XDP programs to the interface in their section", needs("root", function()
    start({"xdp"}, "xdp_on_lo")
    counts(6, send)
  end))

  it("leaves XDP programs of maps to libbpf", needs("root", function()
    open({"xdp"}, "from_map")
    assert.equal("xdp_devmap", object.progs.from_map:expected_attach_type())
    assert(object:load())
    assert(object:attach())
    assert.is_nil(rawget(object.links, "from_map"))
  end))

  it("attaches TC programs to the interface in their section", needs("root", function()
    start({"tc"}, "tc_on_lo")
    counts(7, send)
    object:close()
    -- Without tcx it stays until it is detached.
    lbpf.tc_hook_destroy {ifindex = "lo", attach_point = 3}
    assert.is_nil(network.ip("link show lo"):find("xdp", 1, true))
  end))

  it("attaches cgroup programs to the path in their section", needs("root", function()
    local mounts = child.output("cat /proc/self/mounts")
    local point = assert(mounts:match("(%S+) cgroup2 "), "no cgroup2")
    assert(child.succeeds("ln -sfn " .. point .. " /tmp/lbpf-cgroup"))
    finally(function() os.remove("/tmp/lbpf-cgroup") end)
    start({"cgroup"}, "in_cgroup")
    counts(8, send)
  end))

  it("takes the first alternative that the kernel has", needs({"root", "tracefs"}, function()
    start({"first"}, "second")
    assert.equal("tracepoint", object.progs.second:type())
    counts(9, call_getppid)
  end))

  it("says which alternatives the kernel does not have", needs({"root", "btf"}, function()
    open({"first"}, "none")
    local ok, message, errno = object:load()
    assert.is_nil(ok)
    assert.equal(2, errno)
    assert.matches('SEC("first/tp/no/such|fentry/no_such_function"): this kernel has none of these',
      message, 1, true)
  end))

  it("attaches to the functions of a file that fit", needs("root", function()
    local process = child.probe_me()
    finally(function() process:stop() end)
    start({"uprobe"}, "functions", "returns")
    counts(16, function() process:call("add 1") end)
    counts(17, function() process:call("add 1") end)
  end))

  it("says that a file has no such function, or no such static probe", needs("root", function()
    for name, message in pairs({
      no_function = "build/helpers/probe_me' has no function 'no_such_*'",
      no_marker = "build/helpers/probe_me' has no probe 'lbpf_test:no*'",
    }) do
      open({"uprobe", "usdt"}, name)
      assert(object:load())
      local link, why, errno = object.progs[name]:attach()
      assert.is_nil(link)
      assert.matches(message, why, 1, true)
      assert.equal(2, errno)
      object:close()
      lbpf.handlers.unregister(ids)
      object, ids = nil, nil
    end
  end))

  it("gives programs with names from before libbpf 1.0 their types", function()
    open({"legacy"})
    assert.equal("xdp", object.progs.legacy_xdp:type())
    assert.equal("sched_cls", object.progs.legacy_tc:type())
  end)

  it("names the section whose event it does not know", needs("root", function()
    open({"perf_event"}, "unknown_event")
    assert.error(function() object:load() end,
      'SEC("perf_event/no-such-event"): unknown event \'no-such-event\'')
  end))

  it("names the section whose interval it does not know", needs("root", function()
    open({"every"}, "not_an_interval")
    assert.error(function() object:load() end,
      'SEC("every/soon"): expected every/10ms; units: us, ms, s')
  end))

  it("must exist", function()
    assert.error_matches(function()
      lbpf.handlers.register("no_such")
    end, "no handlers 'no_such'; expected one of: perf_event, every")
  end)
end)
