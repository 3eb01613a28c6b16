-- The tools of examples/tools: each watches something that happens, and writes it.
local child = require "child"
local needs = require "needs"
local network = require "network"
local tools = require "tools"

local WANTED = {"root", "tracefs", "argparse", "btf"}

local function with(...)
  local list = {...}
  for _, need in ipairs(WANTED) do
    list[#list + 1] = need
  end
  return list
end

-- Names that no other process has, so that rows can be told from others'.
local WORK = "lbpf_w" .. child.pid()
local ABSENT = "/no/such/" .. child.pid()

-- A program under that name.
local function copy(of)
  local path = "/tmp/" .. WORK
  assert(child.succeeds(("cp %s %s"):format(of, path)))
  finally(function() os.remove(path) end)
  return path
end

describe("the tool", function()
  it("execsnoop shows whole arguments, and how programs end", needs(WANTED, function()
    local long = ("x"):rep(3000)
    local path = copy("/bin/sh")
    local rows = tools.watch("execsnoop", "",
      ("%s -c 'exit 3' %s 'b c'; %s -c 'kill -9 $$'"):format(path, long, path), "comm", WORK)
    assert.equal(4, #rows)
    assert.equal(("%s -c exit 3 %s b c"):format(path, long), rows[1].args)
    assert.equal("exec", rows[1].event)
    assert.same({"exit", "3", rows[1].pid}, {rows[2].event, rows[2].status, rows[2].pid})
    assert.is_true(tonumber(rows[2].ns) > 0)
    assert.equal("SIGKILL", rows[4].status)
    -- Where the environment is short, the stack ends soon after the arguments.
    rows = tools.watch("execsnoop", "", ("env -i %s -c : 'b c'"):format(path), "comm", WORK)
    assert.equal(path .. " -c : b c", rows[1].args)
  end))

  it("opensnoop shows what is opened, and what is not", needs(WANTED, function()
    local path = copy("/bin/cat")
    local _, out = tools.watch("opensnoop", "", path .. " /etc/passwd " .. ABSENT, "comm", "")
    assert.matches(WORK .. ",%d+,,/etc/passwd\n", out)
    assert.equal("ENOENT", tools.rows(out, "path", ABSENT)[1].error)
    _, out = tools.watch("opensnoop", "-x", path .. " /etc/passwd " .. ABSENT, "comm", "")
    assert.is_nil(out:find(WORK .. ",[^\n]*/etc/passwd"))
    assert.equal(1, #tools.rows(out, "path", ABSENT))
  end))

  it("killsnoop shows signals", needs(WANTED, function()
    local rows = tools.watch("killsnoop", "", copy("/bin/sh") .. " -c 'kill -s USR1 999999'",
      "comm", WORK)
    assert.same({"10", "999999", "-3"}, {rows[1].signal, rows[1].target, rows[1].error})
  end))

  it("statsnoop shows what is asked for", needs(WANTED, function()
    local rows = tools.watch("statsnoop", "", copy("/usr/bin/stat") .. " " .. ABSENT, "path",
      ABSENT)
    assert.same({WORK, "-2"}, {rows[1].comm, rows[1].error})
    local _, out = tools.watch("statsnoop", "", copy("/usr/bin/perl")
      .. (" -e 'stat(STDIN); stat(q(%s))'"):format(ABSENT), "path", ABSENT)
    assert.equal(1, #tools.rows(out, "path", ABSENT))
    assert.equal(0, #tools.rows(out, "path", ""))
  end))

  it("syncsnoop shows what is written to disks", needs(WANTED, function()
    local rows = tools.watch("syncsnoop", "", copy("/bin/sync") .. " -d /tmp/" .. WORK, "comm",
      WORK)
    assert.equal("fdatasync", rows[1].call)
  end))

  it("setuids shows changes of users", needs(WANTED, function()
    local rows = tools.watch("setuids", "", copy("/usr/bin/perl")
      .. " -e 'use POSIX; POSIX::setuid(12345)'", "comm", WORK)
    assert.same({"0", "setuid", "12345", "0"}, {rows[1].uid, rows[1].call, rows[1].new,
      rows[1].error})
  end))

  it("naptime shows sleeps", needs(with("64 bits"), function()
    local rows = tools.watch("naptime", "", copy("/usr/bin/perl")
      .. " -e '$t = pack(\"qq\", 0, 20000000); syscall(35, $t, 0)'", "comm", WORK)
    assert.equal("20000000", rows[1].ns)
    rows = tools.watch("naptime", "", copy("/bin/sleep") .. " 0.0625", "comm", WORK)
    assert.matches("^6250000[01]$", rows[1].ns) -- newer sleep rounds up
  end))

  it("pidpersec counts processes", needs(WANTED, function()
    local tool = tools.start("pidpersec", "-n 2")
    for _ = 1, 20 do
      os.execute("true")
    end
    local function lines()
      return select(2, tool:written():gsub("\n", ""))
    end
    child.wait_until(function() return lines() >= 3 end)
    child.output("sleep 1.2")
    assert.equal(3, lines()) -- no more than was asked for
    local out = tool:stop()
    local most = 0
    for n in out:gmatch(",(%d+)\n") do
      most = math.max(most, tonumber(n))
    end
    assert.is_true(most >= 10)
  end))

  it("syscount counts system calls, by name and by process", needs(WANTED, function()
    local command = copy("/usr/bin/perl") .. " -e 'getppid for 1..2000'"
    local rows = tools.watch("syscount", "-P --top 1000", command, "key", WORK)
    assert.is_true(tonumber(rows[1].count) >= 2000)
    rows = tools.watch("syscount", "--top 1000", command, "key", "getppid")
    assert.is_true(tonumber(rows[1].count) >= 2000)
    assert.is_true(tonumber(rows[1].us) >= 1)
  end))

  it("runqlat has a histogram, of all or of one process", needs(WANTED, function()
    local _, out = tools.watch("runqlat", "", "sleep 0.1", "usecs", "")
    assert.matches("^usecs,%-?%d+,%d+\n", out)
    local process = child.lua("while true do os.execute('true') end")
    _, out = tools.watch("runqlat", "-p " .. process.pid, "sleep 0.3", "usecs", "")
    child.output("kill " .. process.pid)
    process.answers:close()
    assert.matches("^usecs,%-?%d+,%d+\n", out)
  end))

  it("tcpconnect and tcplife show a connection's ends", needs(WANTED, function()
    local connect = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/7" -- nobody listens: that ends it
    local rows = tools.watch("tcpconnect", "", connect .. "011'", "port", "7011")
    assert.same({"bash", "127.0.0.1", "127.0.0.1"},
      {rows[1].comm, rows[1].source, rows[1].destination})
    rows = tools.watch("tcplife", "", connect .. "012'", "rport", "7012")
    assert.same({"bash", "127.0.0.1", "0", "0"},
      {rows[1].comm, rows[1].raddr, rows[1].tx, rows[1].rx})
    assert.is_true(tonumber(rows[1].ns) > 0)
  end))

  it("tcpretrans shows what is sent again, and what is dropped", needs(WANTED, function()
    network.up()
    finally(network.down)
    -- Packets go to nobody: no station has that address.
    network.ip("neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev near")
    local connect = "timeout 2 bash -c 'exec 3<>/dev/tcp/10.77.0.9/7016'"
    local rows = tools.watch("tcpretrans", "", connect, "rport", "7016")
    assert.is_true(#rows >= 1)
    assert.same({"retransmit", "10.77.0.1", "10.77.0.9", "SYN_SENT"},
      {rows[1].event, rows[1].laddr, rows[1].raddr, rows[1].why})
  end))

  it("tcpretrans says why packets are dropped", needs(with("drop reasons"), function()
    local rows = tools.watch("tcpretrans", "-d",
      "bash -c 'exec 3<>/dev/tcp/127.0.0.1/7017' 2>/dev/null", "rport", "7017")
    assert.same({"drop", "127.0.0.1"}, {rows[1].event, rows[1].raddr})
    assert.matches("^NO_SOCKET tcp_v4_rcv%+%d+$", rows[1].why)
  end))

  it("biolatency and biosnoop show requests to disks", needs(with("a disk"), function()
    local write = copy("/bin/dd")
      .. " if=/dev/zero of=lbpf_blocks bs=4k count=5 oflag=direct conv=fsync 2>/dev/null"
    finally(function() os.remove("lbpf_blocks") end)
    local rows, out = tools.watch("biosnoop", "", write, "comm", WORK)
    assert.is_true(#rows >= 1, out)
    assert.matches("^%w+", rows[1].disk) -- a path of an NVMe disk has a number alone: "259:0"
    assert.is_true(tonumber(rows[1].bytes) >= 4096 and tonumber(rows[1].ns) > 0)
    for _, arguments in ipairs({"", "-Q", "-DF"}) do
      _, out = tools.watch("biolatency", arguments, write, "usecs", "")
      assert.matches("^usecs,.*%d+,%d+\n", out)
    end
  end))

  it("cachestat shows hits and misses", needs(with("page cache events"), function()
    local tool = tools.start("cachestat", "-i 0.5")
    -- Other processes that write, and read what is not cached, may outweigh hits for a while.
    child.wait_until(function()
      child.output("for i in 1 2 3; do head -c 4000000 /bin/busybox /bin/bash >/dev/null; done")
      local hits = 0
      for n in tool:written():gmatch("\n%d+:%d+:%d+,(%d+),") do
        hits = hits + tonumber(n)
      end
      return hits >= 100
    end)
    tool:stop()
  end))

  it("cachestat counts pages that are read ahead", needs(with("page cache events", "a disk"),
    function()
      local PAGES = 5000
      local page = tonumber((child.output("getconf PAGESIZE")))
      -- Written and read, which sets its times, and then dropped from the page cache.
      finally(function() os.remove("lbpf_pages") end)
      local _, failed = child.output(([[
        dd if=/dev/zero of=lbpf_pages bs=%d count=%d conv=fsync && cat lbpf_pages >/dev/null &&
        dd if=lbpf_pages iflag=nocache count=0]]):format(page, PAGES))
      assert.equal(0, failed)
      local function read_from_disks() -- pages, by all processes
        local file = assert(io.open("/proc/vmstat"))
        local kilobytes = file:read("*a"):match("pgpgin (%d+)")
        file:close()
        return kilobytes * 1024 / page
      end
      local fifo = os.tmpname()
      os.remove(fifo)
      assert(child.succeeds("mkfifo " .. fifo))
      local reader = child.lua(([[
        local go, file = io.open("%s"), io.open("lbpf_pages", "rb")
        go:read()
        file:read(65536)
        go:read()
        while file:read(65536) do end]]):format(fifo))
      local go = assert(io.open(fifo, "w"))
      go:setvbuf("line")
      os.remove(fifo)
      local tool = tools.start("cachestat", "-i 1 -p " .. reader.pid)
      local function misses()
        local n = 0
        for missed in tool:written():gmatch("\n%d+:%d+:%d+,%d+,(%d+),") do
          n = n + missed
        end
        return n
      end
      local before = read_from_disks()
      -- Right after a row, so that the first read is not a part of two.
      child.wait_until(function() return tool:written():find("\n%d") end)
      go:write("\n")
      child.wait_until(function() return misses() > 0 end)
      assert.is_true(misses() < PAGES)
      go:write("\n") -- the first pages that it reads now are in memory, and misses all the same
      reader.answers:read("*a")
      reader.answers:close()
      go:close()
      child.wait_until(function() return misses() >= PAGES end)
      local missed, from_disks = misses(), read_from_disks() - before
      tool:stop()
      assert.is_true(missed <= from_disks, ("%d of %d"):format(missed, from_disks))
    end))

  it("funccount counts calls of a library's functions and of tracepoints",
    needs(with("cookies"), function()
      local process = child.probe_me()
      local tool = tools.start("funccount", "'uprobe:build/helpers/probe_me:probe_*'")
      for _ = 1, 5 do
        process:call("add 1")
      end
      local out = tool:stop()
      process:stop()
      assert.equal("5", tools.rows(out, "function", "probe_add")[1].count)
      local rows = tools.watch("funccount", "'tracepoint:sched:sched_process_*'", "true",
        "function", "tracepoint:sched:sched_process_exec")
      assert.is_true(#rows == 0 or tonumber(rows[1].count) >= 1)
    end))

  it("funccount and funclatency have the kernel's functions", needs(with("kprobe_multi"),
    function()
      local command = copy("/usr/bin/head") .. " -c 100 /etc/passwd"
      local rows = tools.watch("funccount", "'vfs_rea*'", command, "function", "vfs_read")
      assert.is_true(tonumber(rows[1].count) >= 1)
      local _, out = tools.watch("funclatency", "vfs_read", command, "nsecs", "")
      assert.matches("^nsecs,%d+,%d+\n", out)
    end))

  it("funclatency measures functions", needs(with("cookies"), function()
    local process = child.probe_me()
    local tool = tools.start("funclatency", "'uprobe:build/helpers/probe_me:probe_add'")
    for _ = 1, 5 do
      process:call("add 1")
    end
    local out = tool:stop()
    process:stop()
    local n = 0
    for count in out:gmatch("nsecs,%d+,(%d+)\n") do
      n = n + tonumber(count)
    end
    assert.equal(5, n)
  end))

  it("profile and offcputime fold stacks, and draw flame graphs", needs(WANTED, function()
    local process = child.lua("while true do local x = ('x'):rep(1e5) end")
    finally(function()
      child.output("kill " .. process.pid)
      process.answers:close()
    end)
    local _, out = tools.watch("profile", "-p " .. process.pid, "sleep 0.5", "", "")
    assert.matches("^lua[^;]*;.* %d+\n", out)
    local graph = os.tmpname()
    os.rename(graph, graph .. ".svg")
    tools.watch("profile", ("-p %d -o %s.svg"):format(process.pid, graph), "sleep 0.5", "", "")
    local file = assert(io.open(graph .. ".svg"))
    assert.matches("^<%?xml.*data%-name=\"lua", file:read("*a"))
    file:close()
    os.remove(graph .. ".svg")
    _, out = tools.watch("offcputime", "-K", "sleep 0.1; sleep 0.1", "", "")
    assert.matches("\nsleep;[^\n]*schedule[^\n]* %d+\n", "\n" .. out)
  end))

  it("memleak shows what was not freed, by stack", needs(with("unsanitized"), function()
    local pipe = assert(io.popen("exec perl -e '$| = 1; print qq($$\\n); for (;;) "
      .. "{ push @x, qq(x) x 1000; shift @x if @x > 5000; }'"))
    local pid = tonumber(pipe:read("*l"))
    local function watch(arguments)
      local tool = tools.start("memleak", ("-p %d %s"):format(pid, arguments))
      child.wait_for_load(pid)
      local out, err = tool:stop()
      assert.equal("memleak: tracing, Ctrl-C ends it\n", err)
      return out
    end
    local out, young, old = watch(""), watch("-o 0.001"), watch("-o 1000")
    child.output("kill " .. pid)
    pipe:close()
    for _, rows in ipairs {out, young} do
      local bytes, blocks = rows:match("\n(%d+),(%d+),[^\n]+")
      assert(bytes, "no rows: " .. rows)
      assert.is_true(tonumber(bytes) > 1000 and tonumber(blocks) > 1, rows)
    end
    assert.equal("", old)
  end))

  it("sslsniff shows what is written up to the end of a page", needs(WANTED, function()
    local dir = child.output("mktemp -d"):match "%S+"
    finally(function() child.output("rm -r " .. dir) end)
    local function compile(source, options)
      local file = assert(io.open(dir .. "/x.c", "w"))
      file:write(source)
      file:close()
      assert(child.succeeds(("unset LD_PRELOAD; cd %s && cc x.c %s"):format(dir, options)))
    end
    compile("int SSL_write(void *s, const void *b, int n) { return n; }\n"
      .. "int SSL_read(void) { return 0; }\nint SSL_write_ex(void) { return 0; }\n"
      .. "int SSL_read_ex(void) { return 0; }", "-shared -fPIC -o libssl.so")
    compile([[
      #include <string.h>
      #include <sys/mman.h>
      int SSL_write(void *, const void *, int);
      int main(void) {
        char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(page + 4096, 4096);
        memcpy(page + 4091, "hello", 5);
        SSL_write(0, page + 4091, 5);
        memset(page, 'x', 2000);
        return SSL_write(0, page, 2000) != 2000;
      }]], dir .. "/libssl.so -o writes")
    local rows = tools.watch("sslsniff", ("--library %s/libssl.so"):format(dir), dir .. "/writes",
      "event", "write")
    assert.same({"hello", ("x"):rep(2000)}, {rows[1].data, rows[2].data})
  end))

  it("xdpcount counts packets by protocol", needs(WANTED, function()
    local rows = tools.watch("xdpcount", "lo", "for i in 1 2 3; do "
      .. "bash -c 'echo x >/dev/udp/127.0.0.1/7013'; done", "protocol", "UDP")
    assert.is_true(tonumber(rows[1].packets) >= 3)
    assert.is_true(tonumber(rows[1].bytes) >= 3 * 44) -- Ethernet, IP, UDP, and two bytes
  end))

  it("firewall keeps a cgroup from addresses and ports", needs(WANTED, function()
    local point = assert(child.output("cat /proc/self/mounts"):match("(%S+) cgroup2 "))
    local cgroup = point .. "/" .. WORK
    assert(child.succeeds("mkdir -p " .. cgroup))
    finally(function() child.output("rmdir " .. cgroup) end)
    local function send(to)
      return ("sh -c 'echo $$ >%s/cgroup.procs; exec bash -c \"echo x >/dev/udp/%s\"' 2>&1")
        :format(cgroup, to)
    end
    local rows, out = tools.watch("firewall", ("--cgroup %s --deny 127.1.0.0/16 --port 7014")
      :format(cgroup), send("127.1.2.3/7015") .. ";" .. send("127.2.0.1/7014") .. ";"
        .. send("127.2.0.1/7015"), "direction", "egress")
    assert.equal(2, #rows, out)
    assert.same({"127.1.2.3", "7015", "17"}, {rows[1].address, rows[1].port, rows[1].protocol})
    assert.same({"127.2.0.1", "7014"}, {rows[2].address, rows[2].port})
  end))
end)

describe("tools", function()
  it("write JSON, a line for each row", needs(with("json"), function()
    local tool = tools.start("opensnoop", "--json")
    child.output("cat '/no/such \"file\"'")
    local out = tool:stop()
    assert.matches('{"time":"%d%d:%d%d:%d%d","pid":%d+,"comm":"cat","error":"ENOENT",'
      .. '"path":"/no/such \\"file\\""}\n', out)
  end))

  it("show one process alone, and end after some rows", needs(WANTED, function()
    local process = child.lua("while true do io.open('/no/such') end")
    local tool = tools.start("opensnoop", ("-n 3 -p %d"):format(process.pid))
    tool.pipe:read("*a") -- until it ends
    local out = tool:stop()
    child.output("kill " .. process.pid)
    process.answers:close()
    assert.equal(4, select(2, out:gsub("[^\n]+", "")))
    assert.equal(3, select(2, out:gsub("/no/such\n", "")))
  end))

  it("write what they counted before the programs are detached", needs(WANTED, function()
    assert.same({"true\n", 0}, {child.run([[
      arg = {[0] = "forks", "-t", "0.01"}
      require "lbpf.tool" {
        name = "forks", about = "Counts.", maps = {"n"},
        programs = {["tp/sched/sched_process_fork"] = [=[ count("n") ]=]},
        report = function(tracer)
          local function count()
            local row = tracer:rows("n")[1]
            return row and row.value or 0
          end
          local before = count()
          os.execute "true"
          print(count() > before)
        end,
      }]], "2>/dev/null")})
  end))

  it("forget tasks that have ended", needs(WANTED, function()
    for _, command in ipairs {"syscount -P", "offcputime -K"} do
      local name, arguments = command:match "^(%S+) (.*)$"
      local tool = tools.start(name, arguments)
      local ended = child.lines(
        "unset LD_PRELOAD; for i in $(seq 100); do /bin/true & echo $!; wait; done")
      local dump = child.output(os.getenv "LBPF_LUA" .. " bin/lbpf map dump since")
      tool:stop()
      assert.equal(100, #ended)
      assert.matches("{k1 = %d+}", dump)
      local kept = 0
      for _, pid in ipairs(ended) do
        kept = kept + (dump:find(("{k1 = %d}"):format(pid), 1, true) and 1 or 0)
      end
      assert.is_true(kept < 10, kept .. " of " .. command)
    end
  end))

  it("say without privileges that these are needed", needs(WANTED, function()
    for _, command in ipairs {"opensnoop", "syncsnoop", "memleak -p 1", "profile"} do
      local name, arguments = command:match "^(%S+)(.*)$"
      local text, status = child.output(("setpriv --reuid=65534 --regid=65534 --clear-groups "
        .. "--bounding-set=-all %s examples/tools/%s.lua%s"):format(os.getenv("LBPF_LUA"), name,
        arguments))
      assert.equal(1, status)
      assert.matches("^" .. name .. ": Operation not permitted .EPERM.; this needs root,[^\n]*\n$",
        text)
    end
  end))

  it("have help", needs("argparse", function()
    local list = child.output("ls examples/tools/*.lua")
    for path in list:gmatch("%S+") do
      local name = path:match("([^/]*)%.lua$")
      local help = child.output(("%s %s -h"):format(os.getenv("LBPF_LUA"), path))
      assert.matches("^Usage: " .. name .. " ", help)
      for _, option in ipairs({"--pid", "--cgroup", "--json", "--csv", "--time"}) do
        assert.matches(option, help, 1, true)
      end
    end
  end))

  it("ask for what is missing", needs(WANTED, function()
    local text, status = child.output(os.getenv("LBPF_LUA") .. " examples/tools/memleak.lua")
    assert.same({"memleak: which process? --pid\n", 1}, {text, status})
  end))
end)
