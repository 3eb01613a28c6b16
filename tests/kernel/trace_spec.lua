-- Tracers: what programs report, and what their maps show.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"

-- A tracer whose lines are in a list.
local function trace(programs, opts)
  local lines = {}
  opts = opts or {}
  opts.out = function(line) lines[#lines + 1] = line end
  local tracer = assert(lbpf.trace(programs, opts))
  return tracer, lines
end

describe("lbpf.trace", function()
  local tracer, lines

  after_each(function()
    if tracer then
      tracer:close()
      tracer = nil
    end
  end)

  it("prints what programs print, until they say exit()", needs("root", function()
    tracer, lines = trace({
      BEGIN = [[ print("begin", pid, pid > 0) ]],
      ["interval:20ms"] = [[
        ticks = (ticks or 0) + 1
        print("tick", ticks)
        if ticks == 2 then exit() end ]],
      END = [[ print("end") ]],
    })
    assert.equal("stop", tracer:run({seconds = 10}))
    local begin = ("begin\t%d\ttrue"):format(child.kernel_pid())
    assert.same({begin, "tick\t1", "tick\t2", "end"}, lines)
  end))

  it("takes functions, and gives events with types", needs({"root", "tracefs"}, function()
    local me = child.kernel_pid()
    tracer, lines = trace({
      -- luacheck: push ignore 113
      ["tp/syscalls/sys_enter_unlink"] = function(args)
        if pid == me then
          emit("removed", str(args.pathname), pid)
        end
      end,
      -- luacheck: pop
    })
    local name, by
    tracer:on("removed", function(path, who)
      name, by = path, who
    end)
    os.remove("/no/such/file")
    assert.equal(1, tracer:consume())
    assert.same({"/no/such/file", me}, {name, by})
    assert.error_matches(function() tracer:on("remove", print) end, "no program emits 'remove'")
    assert.same({}, lines)
  end))

  it("gives events as rows, and stands still once it is detached", needs({"root", "tracefs"},
    function()
      tracer = trace({["tp/syscalls/sys_enter_unlink"] = [[
        emit("removed", {by = pid, flag = pid > 1, at = ntop(0x0100007f), none = nothing[1],
          bytes = buf(args.pathname, 4)})
        nothing[2] = 3 ]]}, {pid = child.pid()})
      local rows = {}
      assert.equal(tracer, tracer:on_row(function(name, row)
        rows[#rows + 1] = {name, row}
      end))
      os.remove("/no/such/file")
      assert.equal(1, tracer:consume())
      assert.same({{"removed", {by = child.kernel_pid(), flag = true, at = "127.0.0.1",
        bytes = "/no/"}}}, rows)
      assert.equal(tracer, tracer:detach())
      os.remove("/no/such/file")
      assert.equal(0, tracer:consume())
      assert.equal(3, tracer:rows("nothing")[1].value)
    end))

  it("attaches to ten thousand functions of the kernel", needs({"root", "kprobe_multi"}, function()
    tracer = trace({["kprobe:*e*"] = [[ count("calls", func) ]]})
    local links = 0
    for _, link in pairs(tracer.object.links) do
      links = links + assert(lbpf.link_get_info_by_fd(link:fd())).kprobe_multi.count
    end
    assert.is_true(links >= 10000, links)
    child.output("true")
    assert.is_true(#tracer:rows("calls") >= 10)
  end))

  it("takes patterns of static probes, and one process for them", needs({"root", "cookies"},
    function()
      local process, other = child.probe_me(), child.probe_me()
      tracer = trace({
        ["usdt:build/helpers/probe_me:lbpf_*:call*"] = [[ count("all", args.arg0) ]],
        [("usdt/build/helpers/probe_me:lbpf_test:called,pid=%d"):format(process.pid)] =
          [[ count("one", args.arg0) ]],
      })
      process:call("usdt 5")
      other:call("usdt 6")
      process:stop()
      other:stop()
      assert.equal(2, #tracer:rows("all"))
      assert.same({"5"}, tracer:rows("one")[1].text)
      assert.equal(1, #tracer:rows("one"))
      local none, message = lbpf.trace({["usdt:build/helpers/probe_me:no_*:x"] = "print(1)"})
      assert.is_nil(none)
      assert.matches("'build/helpers/probe_me' has no probe 'no_*:x'", message, 1, true)
    end))

  it("has the arguments of static probes where the kernel's BTF cannot be read",
    needs({"root", "btf", "cookies"}, function()
      assert.same({"5\n", 0}, {child.run([[
        local child, lbpf = require "child", require "lbpf"
        local process = child.probe_me()
        local tracer = assert(lbpf.trace {
          ["usdt:build/helpers/probe_me:lbpf_test:called"] = 'count("all", args.arg0)',
        })
        process:call("usdt 5")
        process:stop()
        print(tracer:rows("all")[1].text[1])
      ]], [[unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh]])})
    end))

  it("has the functions of a library by name", needs({"root", "cookies"}, function()
    local process = child.probe_me()
    tracer = trace({["uprobe:build/helpers/probe_me:probe_*"] = [[ count("calls", func) ]]})
    process:call("add 1")
    process:stop()
    assert.same({"probe_add"}, tracer:rows("calls")[1].text)
  end))

  it("attaches uprobes to one process alone", needs("root", function()
    local one, other = child.probe_me(), child.probe_me()
    local programs = {
      ["uprobe:build/helpers/probe_me:probe_add"] = [[ count("entered", pid) ]],
      ["uretprobe:build/helpers/probe_me:probe_add"] = [[ count("returned", pid) ]],
    }
    for _, option in ipairs {"uprobe_pid", "pid"} do
      tracer = trace(programs, {[option] = one.pid})
      other:call "add 1"
      one:call "add 1"
      for _, map in ipairs {"entered", "returned"} do
        local rows = tracer:rows(map)
        assert.equal(1, #rows)
        assert.equal(1, tonumber(rows[1].value))
      end
      tracer:detach()
      one:call "add 1"
      assert.equal(1, tonumber(tracer:rows("entered")[1].value))
      tracer:close()
      tracer = nil
    end
    one:stop()
    other:stop()
  end))

  it("reads no types of the kernel for what most system calls have", needs({"root", "tracefs"},
    function()
      local core, kernel = require "lbpf.core", require "lbpf.compiler.kernel"
      local load = core.btf_load_vmlinux_btf
      finally(function() core.btf_load_vmlinux_btf = load end)
      function core.btf_load_vmlinux_btf()
        error "the kernel's types are read"
      end
      kernel.forget()
      tracer = trace {["tp/syscalls/sys_enter_statx"] = [[
        if args.flags & 0x1000 == 0 then print(args.dfd, args.mask, str(args.filename)) end
        print(cast("__u64", uptr(args.filename))[0], cast("u8", args.filename)[1]) ]]}
    end))

  it("has one type for u64, whether a program or a structure names it", needs({"root", "btf"},
    function()
      assert(lbpf.compile {["tp/sched/sched_switch"] = [[
        local p = cast("__u64", 8)
        if pid > 1 then p = cast("struct device", 8).dma_mask end
        print(p[0]) ]]})
    end))

  it("shows its maps: sorted, aligned, as histograms", needs("root", function()
    tracer, lines = trace({
      BEGIN = [[
        count("calls", "a") count("calls", "bcd") count("calls", "bcd")
        sum("bytes", 7) sum("bytes", 8)
        avg("mean", 3, "x") avg("mean", 6, "x")
        stats("all", 10) stats("all", 20)
        min("least", 3) min("least", -5) max("most", 3, "k") max("most", 4, "k")
        hist("sizes", 0) hist("sizes", 5) hist("sizes", 6)
        lhist("steps", -1, 0, 20, 10, "k") lhist("steps", 25, 0, 20, 10, "k")
        last[{1, "z"}] = 99
      ]],
    })
    assert.equal(tracer, tracer:show())
    local bar = ("@"):rep(52)
    local function line(range, n, length)
      return ("%-16s%8d |%-52s|\n"):format(range, n, bar:sub(1, length))
    end
    assert.same({
      "all: count 2, average 15, total 30\n", "bytes: 15\n",
      "calls[a]:   1\ncalls[bcd]: 2\n", "last[1, z]: 99\n", "least: -5\n", "mean[x]: 4\n",
      "most[k]: 4\n",
      "sizes:\n" .. line("[0]", 1, 26) .. line("[1]", 0, 0) .. line("[2, 4)", 0, 0)
        .. line("[4, 8)", 2, 52) .. "\n",
      "steps[k]:\n" .. line("(..., 0)", 1, 52) .. line("[0, 10)", 0, 0) .. line("[10, 20)", 0, 0)
        .. line("[20, ...)", 1, 52) .. "\n",
    }, lines)
    assert.same({{keys = {"a"}, text = {"a"}, value = 1, order = 1},
      {keys = {"bcd"}, text = {"bcd"}, value = 2, order = 2}}, tracer:rows("calls"))
    assert.same({[0] = 1, [3] = 2}, tracer:rows("sizes")[1].value)
    assert.equal(2, #tracer:rows("calls"))
    assert.is_table(tracer.maps.calls:lookup({k1 = "bcd"}))
    assert.error_matches(function() return tracer.maps.call end,
      "there is no map 'call'; there are: .*calls")
    assert.error_matches(function() tracer:rows("call") end, "there is no map 'call'")
  end))

  it("shows stacks as symbols", needs({"root", "tracefs"}, function()
    tracer, lines = trace({["tp/sched/sched_process_fork"] = [[ count("stacks", kstack) ]]},
      {pid = child.pid()})
    os.execute "true"
    tracer:show()
    assert.matches("^stacks%[\n    %S+.*\n    do_syscall_64%+%d+\n.*%]: 1\n$", lines[1])
  end))

  it("says what it could not do", needs("root", function()
    tracer, lines = trace({BEGIN = [[ x = 0 y = 1 // x ]]}, {ring = 4096})
    local problems = tracer:problems()
    assert.equal(1, #problems)
    assert.equal(1, problems[1].count)
    assert.matches("^BEGIN:1:%d+$", problems[1].place)
    tracer:show()
    assert.equal(("%s: %s (1)"):format(problems[1].place, problems[1].message), lines[#lines])
  end))

  it("is for one process or cgroup alone, if that is wanted", needs({"root", "tracefs"}, function()
    tracer, lines = trace({["t:syscalls:sys_enter_unlink"] = [[ print(str(args.pathname)) ]]},
      {pid = child.pid()})
    child.output("rm -f /of/another")
    os.remove("/of/this")
    tracer:consume()
    assert.same({"/of/this"}, lines)
    local none, message = lbpf.trace({["tp/sched/sched_switch"] = "print(1)"},
      {cgroup = "/nowhere"})
    assert.is_nil(none)
    assert.equal("cgroup '/nowhere': there is none", message)
    assert.error_matches(function()
      lbpf.trace({["tp/sched/sched_switch"] = function() end}, {pid = 1})
    end, "options 'pid' and 'cgroup' are for programs that are given as text")
  end))

  it("refuses, with the place", needs("root", function()
    local none, message = lbpf.trace({BEGIN = "print(nosuchthing)"})
    assert.is_nil(none)
    assert.matches("^BEGIN:1:7: ", message)
    none, message = lbpf.trace({["tp/syscalls/sys_enter_nosuch"] = "print(1)"})
    assert.is_nil(none)
    assert.is_string(message)
    assert.error_matches(function() lbpf.trace() end, "bad argument #1 to 'trace'")
    assert.error_matches(function() lbpf.trace({}, {pid = "1"}) end,
      "option 'pid' must be a number, not string")
  end))

  it("runs in a loop with others", needs("root", function()
    tracer, lines = trace({["interval:10ms"] = [[ print("tick") ]]})
    local n = 0
    assert.equal("stop", lbpf.run({tracer, every = {[0.05] = function()
      n = n + 1
      return n < 2
    end}}))
    assert.equal("tick", lines[1])
  end))

  it("ends a loop when it is stopped, also if nothing happens", needs("root", function()
    tracer = trace({BEGIN = [[ count("", 1) ]]})
    local n = 0
    assert.equal("stop", lbpf.run({tracer, seconds = 10, every = {[0.01] = function()
      n = n + 1
      tracer:stop()
    end}}))
    assert.equal(1, n)
  end))

  it("has a program for each tracepoint that fits", needs({"root", "tracefs"}, function()
    tracer, lines = trace({["tracepoint:syscalls:sys_enter_unlin*"] = [[ count("", probe) ]]})
    os.remove("/no/such/file")
    local found = {}
    for _, row in ipairs(tracer:rows("count")) do
      found[row.text[1]] = row.value
    end
    assert.is_true(found["tracepoint:syscalls:sys_enter_unlink"] >= 1)
    assert.error_matches(function() lbpf.trace({["tp/syscalls/no_such_*"] = ""}) end,
      "'tp/syscalls/no_such_%*': no probe matches")
    assert.same({}, lines)
  end))

  it("shows arguments' lists and bytes", needs({"root", "tracefs"}, function()
    tracer, lines = trace({["tp/syscalls/sys_enter_execve"] = [[
      if starts(str(args.filename), "/bin/tru") then
        print(join(args.argv), buf(args.filename, 5))
        bytes[buf(args.filename, 5)] = 1
      end ]]})
    os.execute "/bin/true one 'two three'"
    tracer:consume()
    tracer:show("bytes")
    assert.same({"/bin/true one two three\t/bin/", "bytes[/bin/]: 1\n"}, lines)
  end))

  it("shows and clears maps where programs ask for it", needs("root", function()
    tracer, lines = trace({
      BEGIN = [[
        a = 1
        b[2] = 3
        show("a")
        clear("a")
        a = 7
        show("b")
        exit() ]],
      END = [[ clear("b") ]],
    })
    tracer:run({seconds = 5})
    -- requests are met when they are read: `a` has its last value by then
    assert.same({"a: 7\n", "b[2]: 3\n"}, lines)
    assert.same({}, tracer:rows("a"))
    assert.same({}, tracer:rows("b"))
    local none, message = lbpf.trace({BEGIN = [[ total = 1 show("totl") ]]})
    assert.is_nil(none)
    assert.equal("BEGIN:1:17: no map is called 'totl'; did you mean total?", message)
  end))

  it("takes several probes with commas between", needs({"root", "tracefs"}, function()
    tracer = trace({["tp/syscalls/sys_enter_unlink, tp/syscalls/sys_exit_unlin*,"
      .. "perf_event/cpu-clock,frequency=9"] = [[ count("", probe) ]]})
    local specs = {}
    for i, program in ipairs(tracer.plan.programs) do
      specs[i] = program.section
    end
    assert.same({"tp/syscalls/sys_enter_unlink", "tp/syscalls/sys_exit_unlink",
      "tp/syscalls/sys_exit_unlinkat", "perf_event/cpu-clock,frequency=9"}, specs)
  end))

  it("prints in formats", needs("root", function()
    tracer, lines = trace({BEGIN = [[
      printf("%-4d|%4d|%x|%05u|%ld%%|%c\n", 7, -7, 255, 42, 3, 65)
      printf("%8s|%-6s|", "abc", "de")
      printf("%s %s %s\nnext", m[1], 1 < 2, ntop(0x0100007f))
      m[2] = 1
      exit() ]]})
    tracer:run({seconds = 5})
    assert.same({"7   |  -7|ff|00042|3%|A", "     abc|de    |nil true 127.0.0.1", "next"}, lines)
    for text, problem in pairs({
      ['printf("%d", comm)'] = "BEGIN:1:14: '%d' is for a number, and this is a string",
      ['printf("%f", 1)'] = "BEGIN:1:8: '%f' is not a conversion of printf()",
      ['printf("a%")'] = "BEGIN:1:8: '%' is not a conversion of printf()",
      ['printf("%d")'] = "BEGIN:1:8: this format has 1 value, and is given 0",
      ['printf(comm)'] = "BEGIN:1:8: the format is a literal string",
    }) do
      local none, message = lbpf.trace({BEGIN = text})
      assert.is_nil(none)
      assert.equal(problem, message:sub(1, #problem))
    end
  end))
end)
