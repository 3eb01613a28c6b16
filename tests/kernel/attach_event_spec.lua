-- Programs attached to events: tracepoint, raw_tracepoint, trace, perf_event.
local child = require "child"
local events = require "events"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

local COOKIES = {"root", "libbpf 1.5", "raw tracepoint cookies"}

-- One rename(), which nothing else in this process does.
local function rename()
  os.rename("no/such/file", "no/such/file either")
end

describe("attach_tracepoint", function()
  local object

  before_each(function()
    object = events.load("attach_event")
  end)

  after_each(function()
    object:close()
  end)

  it("runs the program with its cookie until the link is destroyed",
    needs({"root", "tracefs", "cookies"}, function()
      local link = assert(object.progs.on_tracepoint:attach_tracepoint("syscalls",
        "sys_enter_rename", {bpf_cookie = "0xfedcba9876543210"}))
      rename()
      rename()
      local list = events.take(object)
      assert.same({"fedcba9876543210", "fedcba9876543210"}, events.pluck(list, "cookie"))
      assert.equal(child.kernel_pid(), list[1].pid)
      assert.is_true(link:destroy())
      rename()
      assert.same({}, events.take(object))
    end))

  it("attaches one program several times, each with its own cookie",
    needs({"root", "tracefs", "cookies"}, function()
      local prog = object.progs.on_tracepoint
      assert(prog:attach_tracepoint("syscalls", "sys_enter_rename", {bpf_cookie = 1}))
      assert(prog:attach_tracepoint("syscalls", "sys_exit_rename", {bpf_cookie = 2}))
      rename()
      assert.same({1, 2}, events.pluck(events.take(object), "cookie"))
    end))

  it("says what is missing, and what to do", needs({"root", "tracefs"}, function()
    local link, message, errno, log = object.progs.on_tracepoint:attach_tracepoint("syscalls",
      "no_such_event")
    assert.is_nil(link)
    assert.equal("attach_tracepoint: program 'on_tracepoint' to 'no_such_event': No such file or "
      .. "directory (ENOENT); no such event, or tracefs is not mounted: mount -t tracefs tracefs "
      .. "/sys/kernel/tracing", message:match("^[^\n]*"))
    assert.equal(2, errno)
    assert.matches("syscalls/no_such_event", log, 1, true)
    assert.matches((log:gsub("\n$", "")), message, 1, true)
  end))

  it("checks its arguments", needs("root", function()
    local prog = object.progs.on_tracepoint
    assert.error_matches(function() prog:attach_tracepoint("syscalls") end, "#2.*string expected")
    assert.error_matches(function()
      prog:attach_tracepoint("syscalls", "sys_enter_rename", {cookie = 1})
    end, "unknown option 'cookie'; expected one of: bpf_cookie")
    assert.error_matches(function()
      prog:attach_tracepoint("syscalls", "sys_enter_rename", {bpf_cookie = 1.5})
    end, "option 'bpf_cookie' must be an integer, not 1.5")
    assert.error_matches(function()
      prog:attach_tracepoint("syscalls", "sys_enter_rename", 7)
    end, "table expected")
  end))
end)

describe("attach_raw_tracepoint", function()
  it("runs the program", needs("root", function()
    local object = events.load("attach_event")
    local link = assert(object.progs.on_raw_tracepoint:attach_raw_tracepoint("sys_enter"))
    rename()
    rename()
    assert.same({2, 2}, events.pluck(events.take(object), "kind"))
    assert.is_true(link:destroy())
    rename()
    assert.same({}, events.take(object))
    object:close()
  end))

  it("takes a cookie where libbpf does", needs(COOKIES, function()
    local object = events.load("attach_event", nil, {"on_raw_tracepoint_cookie"})
    assert(object.progs.on_raw_tracepoint_cookie:attach_raw_tracepoint("sys_enter",
      {cookie = 77}))
    rename()
    rename()
    assert.same({77, 77}, events.pluck(events.take(object), "cookie"))
    object:close()
  end))

  it("says that there is no such event", needs("root", function()
    local object = events.load("attach_event")
    local link, message, errno = object.progs.on_raw_tracepoint:attach_raw_tracepoint("no_such")
    assert.is_nil(link)
    assert.matches("^attach_raw_tracepoint: program 'on_raw_tracepoint' to 'no_such': "
      .. "No such file or directory %(ENOENT%); no such event", message)
    assert.equal(2, errno)
    object:close()
  end))
end)

describe("attach_trace", function()
  it("runs the program", needs({"root", "btf"}, function()
    local object = events.load("attach_event")
    local link = assert(object.progs.on_trace:attach_trace())
    rename()
    rename()
    assert.same({3, 3}, events.pluck(events.take(object), "kind"))
    assert.is_true(link:destroy())
    rename()
    assert.same({}, events.take(object))
    object:close()
  end))

  it("gives it a cookie", needs({"root", "btf", "libbpf 1.5", "raw tracepoint cookies"}, function()
    local object = events.load("attach_event", nil, {"on_trace_cookie"})
    assert(object.progs.on_trace_cookie:attach_trace({cookie = 88}))
    rename()
    rename()
    assert.same({88, 88}, events.pluck(events.take(object), "cookie"))
    object:close()
  end))
end)

-- Each takes a cookie from libbpf 1.4 on.
for method, option in pairs({attach_raw_tracepoint = "raw_tracepoint", attach_trace = "trace"}) do
  it(method .. " says which libbpf takes a cookie where this one does not",
      needs({"root", "btf"}, function()
    local object = events.load("attach_event")
    local prog = object.progs["on_" .. option]
    local old = tonumber(lbpf.version_string():match("%.(%d+)")) < 4
    local ok, message = pcall(function()
      if option == "trace" then
        return prog:attach_trace({cookie = 77})
      end
      return prog:attach_raw_tracepoint("sys_enter", {cookie = 77})
    end)
    assert.equal(not old, ok)
    if old then
      assert.matches("option 'cookie' needs libbpf 1.4, this is v1.", message, 1, true)
    end
    object:close()
  end))
end

describe("attach_perf_event", function()
  local object
  local CPU_CLOCK = {type = 1, config = 0, sample_period = 100000}

  before_each(function()
    object = events.load("attach_event")
  end)

  after_each(function()
    object:close()
  end)

  -- Works until the clock has sampled this process; its events.
  local function sampled()
    local start = os.clock()
    repeat
      local list = events.take(object)
      if #list > 0 then
        return list
      end
    until os.clock() - start > 20
    return {}
  end

  it("runs the program with its cookie at each sample", needs({"root", "cookies"}, function()
    local event = assert(lbpf.perf_event_open(CPU_CLOCK, 0))
    assert(object.progs.on_perf_event:attach_perf_event(event, {bpf_cookie = 99}))
    local list = sampled()
    assert.is_true(#list > 0)
    assert.equal(99, list[1].cookie)
    assert.equal(child.kernel_pid(), list[1].pid)
  end))

  it("gives the descriptor to the link, which closes it once", needs("root", function()
    fds.count() -- what is collected later would leave lower numbers free
    local event = assert(lbpf.perf_event_open(CPU_CLOCK, 0))
    local number = event:fileno()
    assert.equal("anon_inode:[perf_event]", fds.list()[number])
    local link = assert(object.progs.on_perf_event:attach_perf_event(event))
    assert.equal("lbpf.fd (closed)", tostring(event))
    assert.error_matches(function() event:fileno() end, "is closed, or was handed to a link")
    assert.error_matches(function() object.progs.on_perf_event:attach_perf_event(event) end,
      "is closed, or was handed to a link")
    assert.is_true(event:close())
    assert.equal("anon_inode:[perf_event]", fds.list()[number])
    assert.is_true(link:destroy())
    assert.not_equal("anon_inode:[perf_event]", fds.list()[number])
    -- whoever has that number next keeps it
    local other = assert(lbpf.perf_event_open(CPU_CLOCK, 0))
    assert.equal(number, other:fileno())
    event:close()
    link:destroy()
    event = nil -- luacheck: ignore 311
    link = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.equal("anon_inode:[perf_event]", fds.list()[number])
    other:close()
    assert.not_equal("anon_inode:[perf_event]", fds.list()[number])
  end))

  it("duplicates a number, which stays the caller's", needs("root", function()
    local event = assert(lbpf.perf_event_open(CPU_CLOCK, 0))
    local link = assert(object.progs.on_perf_event:attach_perf_event(event:fileno()))
    assert.is_true(#sampled() > 0)
    assert.is_true(link:destroy())
    assert.equal("anon_inode:[perf_event]", fds.list()[event:fileno()])
    event:close()
  end))

  it("leaves the descriptor to the script where it fails", needs("root", function()
    local event = assert(lbpf.perf_event_open(CPU_CLOCK, 0))
    local link, message = object.progs.on_raw_tracepoint:attach_perf_event(event)
    assert.is_nil(link)
    assert.matches("^attach_perf_event: program 'on_raw_tracepoint': ", message)
    assert(object.progs.on_perf_event:attach_perf_event(event))
  end))

  it("refuses what is not a descriptor", needs("root", function()
    local prog = object.progs.on_perf_event
    local link, message, errno = prog:attach_perf_event(987654)
    assert.is_nil(link)
    assert.equal("attach_perf_event: the descriptor: Bad file descriptor (EBADF)", message)
    assert.equal(9, errno)
    assert.error_matches(function() prog:attach_perf_event(-1) end, "%-1 is not in 0 to")
    assert.error_matches(function() prog:attach_perf_event("x") end, "lbpf.fd expected")
    assert.error_matches(function() prog:attach_perf_event(object) end, "lbpf.fd expected")
    assert.error_matches(function() prog:attach_perf_event() end, "lbpf.fd expected")
  end))

  it("refuses a descriptor of something else", needs("root", function()
    local before = fds.count()
    local link, _, errno = object.progs.on_perf_event:attach_perf_event(object.maps.events:fd())
    assert.is_nil(link)
    local EBADF, ENOTTY = 9, 25
    assert.equal(needs.met "perf event links" and EBADF or ENOTTY, errno)
    assert.equal(before, fds.count())
  end))
end)

describe("perf_event_open", function()
  it("says what the kernel refused", needs("root", function()
    local event, message, errno = lbpf.perf_event_open({type = 12345, config = 1}, 0, 0)
    assert.is_nil(event)
    assert.equal("perf_event_open: type 12345, config 1, cpu 0: No such file or directory (ENOENT)",
      message)
    assert.equal(2, errno)
  end))

  it("checks its options", function()
    assert.error_matches(function() lbpf.perf_event_open() end, "table expected")
    assert.error_matches(function() lbpf.perf_event_open({typ = 1}) end, "unknown option 'typ'")
    assert.error_matches(function() lbpf.perf_event_open({type = -1}) end,
      "option 'type' is out of range")
    assert.error_matches(function() lbpf.perf_event_open({type = 1, freq = 1}) end,
      "option 'freq' must be a boolean")
    local attr = {type = 1, config = 0}
    assert.error_matches(function() lbpf.perf_event_open(attr, nil, 0, {cgroup = true}) end,
      "option 'cgroup' must be a path or a descriptor")
    assert.error_matches(function() lbpf.perf_event_open(attr, 0, 0, {cgroup = "/"}) end,
      "option 'cgroup' cannot be used with a pid")
    assert.error_matches(function() lbpf.perf_event_open(attr, nil, nil, {cgroup = "/"}) end,
      "option 'cgroup' needs a CPU")
  end)

  it("says that there is no such cgroup", function()
    local event, message, errno = lbpf.perf_event_open({type = 1, config = 0}, nil, 0,
      {cgroup = "/no/such/cgroup"})
    assert.is_nil(event)
    assert.matches("^perf_event_open: type 1, config 0, cpu 0: No such file", message)
    assert.equal(2, errno)
  end)

  it("keeps no descriptor of a cgroup", needs("root", function()
    local before = fds.count()
    local event = lbpf.perf_event_open({type = 1, config = 0, disabled = true}, nil, 0,
      {cgroup = "/proc/self/ns"}) -- not a cgroup: EBADF
    assert.is_nil(event)
    assert.equal(before, fds.count())
  end))

  it("closes what a script forgets", needs("root", function()
    local before = fds.count()
    for _ = 1, 10 do
      assert(lbpf.perf_event_open({type = 1, config = 0, disabled = true}, 0))
    end
    assert.equal(before, fds.count())
  end))
end)
