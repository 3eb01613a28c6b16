-- The command lbpf.
local child = require "child"
local needs = require "needs"

local function lbpf(arguments)
  return child.output(os.getenv("LBPF_LUA") .. " bin/lbpf " .. arguments)
end

describe("lbpf trace", function()
  it("prints, and shows the maps at the end", needs({"root", "argparse"}, function()
    assert.same({"a\t1\ncalls[b]: 1\n\n", 0},
      {lbpf([[trace BEGIN 'print("a", 1) count("calls", "b")' -t 0.1]])})
  end))

  it("ends after some lines", needs({"root", "argparse"}, function()
    assert.same({"1\n1\n1\n", 0}, {lbpf([[trace -n 3 interval:10ms 'print(1)' -t 10]])})
  end))

  it("traces a command, and ends with it", needs({"root", "tracefs", "argparse"}, function()
    local text, status = lbpf([[trace -c 'cat /etc/hostname' ]]
      .. [[tracepoint:syscalls:sys_enter_openat 'print(comm, str(args.filename))']])
    assert.equal(0, status)
    assert.matches("cat\t/etc/hostname\n", text)
  end))

  it("writes JSON", needs({"root", "argparse", "json"}, function()
    local text, status = lbpf([[trace --json -t 0.1 BEGIN 'emit("x", {a = 5}) count("n", "k")']])
    assert.equal(0, status)
    assert.matches('"type":"x"', text)
    assert.matches('"data":{"a":5}', text)
    assert.matches('"type":"count"', text)
  end))

  it("shows the instructions", needs({"root", "argparse", "btf"}, function()
    local text = lbpf([[trace -v -t 0.01 BEGIN 'x = pid']])
    assert.matches("^BEGIN: %d+ instructions\n   0: ", text)
    assert.matches("call bpf_get_current_pid_tgid\n", text)
    assert.matches(": exit\n", text)
  end))

  it("lists probes with their arguments", needs({"root", "tracefs", "argparse"}, function()
    local text, status = lbpf([[trace -l 'tracepoint:sched:sched_process_ex*']])
    assert.equal(0, status)
    assert.matches("tp/sched/sched_process_exit%(char comm%[16%], pid_t pid, ", text)
    text = lbpf([[trace -l raw_tp/sched_switch]])
    assert.matches("^raw_tp/sched_switch%(bool preempt, struct task_struct %*prev, ", text)
    text = lbpf([[trace -l 'kretprobe:vfs_read']])
    assert.equal("kretprobe/vfs_read(struct file *file, char *buf, size_t count, loff_t *pos)"
      .. " -> ssize_t\n", text)
    assert.same({"lbpf: profile:hz:99: such probes cannot be listed\n", 1},
      {lbpf("trace -l profile:hz:99")})
  end))

  it("lists the functions and static probes of a file", needs({"argparse"}, function()
    local file = "build/helpers/probe_me"
    assert.same({("uprobe/%s:main\n"):format(file), 0},
      {lbpf("trace -l uprobe:" .. file .. ":mai?")})
    assert.same({("uretprobe/%s:main\n"):format(file), 0},
      {lbpf("trace -l uretprobe:" .. file .. ":main")})
    assert.matches("uprobe/libc.so.6:strlen\n", (lbpf("trace -l 'uprobe:libc.so.6:strl*'")))
    for _, rest in ipairs {"", ":*", ":lbpf_test:*", ":*:called"} do
      assert.same({("usdt/%s:lbpf_test:called\n"):format(file), 0},
        {lbpf(("trace -l 'usdt:%s%s'"):format(file, rest))})
    end
    assert.same({"", 0}, {lbpf("trace -l usdt:" .. file .. ":other:*")})
    assert.same({"lbpf: 'uprobe/main': expected uprobe:FILE:FUNCTION\n", 1},
      {lbpf("trace -l uprobe:main")})
    assert.matches("^lbpf: symbols of '/none': No such file", (lbpf("trace -l uprobe:/none:f")))
  end))

  it("says what is wrong", needs({"root", "argparse"}, function()
    assert.same({"lbpf: expected a program for each probe: lbpf trace SPEC PROGRAM"
      .. " [SPEC PROGRAM ...]\n", 1}, {lbpf("trace BEGIN")})
    local text, status = lbpf("trace BEGIN 'print(x.)'")
    assert.equal(1, status)
    assert.matches("^lbpf: BEGIN:1:%d+: ", text)
    assert.same({"lbpf: 'probe:x': there are no probes 'probe'\n", 1},
      {lbpf("trace probe:x 'print(1)'")})
  end))
end)

describe("lbpf compile", function()
  it("writes an object", needs({"root", "argparse", "btf"}, function()
    local dir = child.output("mktemp -d"):gsub("\n", "")
    local file = assert(io.open(dir .. "/x.lua", "w"))
    file:write('return {["raw_tp/sched_switch"] = [[ count("switches", comm) ]]}\n')
    file:close()
    assert.same({"", 0}, {lbpf("compile " .. dir .. "/x.lua")})
    local object = assert(require("lbpf").open(dir .. "/x.bpf.o"))
    assert(object:load())
    object:close()
    child.output("rm -r " .. dir)
  end))

  it("takes specs as lbpf trace does, and an architecture", needs({"btf", "argparse", "tracefs"},
    function()
      local dir = child.output("mktemp -d"):gsub("\n", "")
      local file = assert(io.open(dir .. "/x.lua", "w"))
      file:write('return {["tp/syscalls/sys_enter_fsync, '
        .. 'tracepoint:syscalls:sys_enter_sync_file_range*"] = [[ print(comm, probe) ]]}\n')
      file:close()
      assert.same({"", 0}, {lbpf("compile --arch arm64 --loops bounded " .. dir .. "/x.lua")})
      local object = assert(require("lbpf").open(dir .. "/x.bpf.o"))
      local sections = {}
      for _, program in pairs(object.progs) do
        sections[program:section_name()] = true
      end
      assert.is_true(sections["tp/syscalls/sys_enter_fsync"])
      assert.is_true(sections["tp/syscalls/sys_enter_sync_file_range"])
      object:close()
      child.output("rm -r " .. dir)
    end))
end)

-- The output of a command that succeeds.
local function lines(arguments)
  local text, status = lbpf(arguments)
  assert.equal(0, status, text)
  return text
end

-- A directory that ends with the test.
local function directory()
  local path = child.output("mktemp -d"):gsub("\n", "")
  finally(function() child.output("rm -r " .. path) end)
  return path
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("lbpf build", function()
  local SOURCE = [[
    #include "common.h"
    char LICENSE[] SEC("license") = "GPL";
    int pid;
    SEC("raw_tp/sched_switch") int BPF_PROG(on_switch, bool preempt, struct task_struct *prev)
    {
      pid = BPF_CORE_READ(prev, signal, leader_pid_type);
      return 0;
    }
  ]]

  it("gives a source and its headers the types that they name",
    needs({"unsanitized", "root", "argparse", "clang",
    "btf"}, function()
      local dir = directory()
      write(dir .. "/x.bpf.c", (SOURCE:gsub("signal, leader_pid_type", "real_parent, tgid")))
      write(dir .. "/common.h", [[
        #include "vmlinux.h"
        #include <bpf/bpf_helpers.h>
        #include <bpf/bpf_tracing.h>
        #include <bpf/bpf_core_read.h>
      ]])
      assert.same({"", 0}, {lbpf(("build %s/x.bpf.c"):format(dir))})
      local object = assert(require("lbpf").open(dir .. "/x.bpf.o"))
      assert(object:load())
      object:close()
      assert.same("common.h\nx.bpf.c\nx.bpf.o\n", child.output("ls " .. dir))
    end))

  it("tells clang's messages with the file's lines",
    needs({"unsanitized", "argparse", "clang", "btf"}, function()
    local dir = directory()
    write(dir .. "/x.bpf.c", "#include \"vmlinux.h\"\nint x = y;\n")
    local text, status = lbpf(("build %s/x.bpf.c"):format(dir))
    assert.equal(1, status)
    assert.matches(dir .. "/x.bpf.c:2:9: error: use of undeclared identifier 'y'", text, 1, true)
  end))

  it("builds what the project has", needs({"unsanitized", "argparse", "clang"}, function()
    local dir = directory()
    for _, name in ipairs {"opens", "every"} do
      assert.same({"", 0}, {lbpf(("build -o %s/x.o examples/%s/%s.bpf.c"):format(dir, name, name))})
      assert(require("lbpf").open(dir .. "/x.o")):close()
    end
  end))
end)

describe("lbpf vmlinux", function()
  it("writes the kernel's types", needs({"argparse", "btf", "clang"}, function()
    local dir = directory()
    assert.same({"", 0}, {lbpf(("vmlinux -o %s/vmlinux.h"):format(dir))})
    write(dir .. "/x.c", '#include "vmlinux.h"\nint x = sizeof(struct task_struct);\n')
    assert.same({"", 0}, {child.output(("clang --target=bpf -c -o /dev/null %s/x.c"):format(dir))})
  end))

  it("writes an object's types", needs({"argparse"}, function()
    assert.matches("struct event {", lines("vmlinux build/bpf/opens.bpf.o"), 1, true)
  end))
end)

describe("lbpf prog, map, link, btf", function()
  local object

  local function load()
    object = assert(require("lbpf").open("build/bpf/readme.bpf.o"))
    for name, prog in pairs(object.progs) do
      prog:set_autoload(name == "enter")
    end
    assert(object:load())
    finally(function() object:close() end)
  end

  it("list what is loaded, as bpftool does", needs({"root", "argparse", "btf"}, function()
    load()
    local prog = object.progs.enter
    local info = require("lbpf").prog_get_info_by_fd(prog)
    local text = lines("prog show " .. info.id)
    assert.matches(("^%d: raw_tracepoint  name enter  tag %s  gpl\n\tloaded_at 2%%d%%d%%d%%-")
      :format(info.id, info.tag), text)
    assert.equal(text, lines("prog list " .. info.id))
    assert.matches(("\n%d: "):format(info.id), "\n" .. lines("prog show"), 1, true)
    assert.matches(("%d: hash  name flows  flags "):format(
      require("lbpf").map_get_info_by_fd(object.maps.flows).id), lines("map show"), 1, true)
    assert.matches(("%d: name [<anon>]  size "):format(info.btf_id), lines("btf show"), 1, true)
    assert.same({"lbpf: there is none with the id or the name 'no_such'\n", 1},
      {lbpf("map show no_such")})
  end))

  it("show elements with their types", needs({"root", "argparse", "btf"}, function()
    load()
    object.maps.flows:update({address = 7, port = 80}, {packets = 1}, "noexist")
    local id = require("lbpf").map_get_info_by_fd(object.maps.flows).id
    local text = lines("map dump " .. id)
    assert.matches("^{address = 7, port = 80}: {bytes = 0, packets = 1}\n$", text)
  end))

  it("write JSON", needs({"root", "argparse", "btf", "json"}, function()
    load()
    object.maps.flows:update({address = 7, port = 80}, {packets = 2 ^ 40}, "noexist")
    local id = require("lbpf").map_get_info_by_fd(object.maps.flows).id
    local text = lines("map dump --json " .. id)
    assert.matches('"address":7', text, 1, true)
    assert.matches('"packets":1099511627776', text, 1, true)
    assert.matches('"name":"flows"', lines("map show --json " .. id), 1, true)
    assert.matches('"name":"enter"', lines("prog show --json enter"), 1, true)
  end))

  it("show instructions", needs({"root", "argparse", "btf"}, function()
    load()
    local id = require("lbpf").prog_get_info_by_fd(object.progs.enter).id
    assert.matches("^   0: .*: exit\n$", lines("prog dump " .. id))
  end))

  it("show links", needs({"root", "argparse", "btf", "tracefs"}, function()
    load()
    local link = assert(object.progs.enter:attach())
    local info = require("lbpf").link_get_info_by_fd(link)
    assert.matches(("^%d: raw_tracepoint  prog %d\n"):format(info.id, info.prog_id),
      lines("link show " .. info.id))
  end))

  it("write types as C and as JSON", needs({"root", "argparse", "btf", "json"}, function()
    assert.matches("struct task_struct {", lines("btf dump vmlinux"), 1, true)
    assert.matches('"name":"event"', lines("btf dump --json build/bpf/opens.bpf.o"), 1, true)
  end))

  it("say that they need privileges", needs({"root", "argparse"}, function()
    local text, status = child.output(("setpriv --bounding-set=-all --inh-caps=-all -- "
      .. "%s bin/lbpf prog show"):format(os.getenv("LBPF_LUA")))
    assert.equal(1, status)
    assert.matches("EPERM.*; this needs root, or CAP_BPF and CAP_SYS_ADMIN\n$", text)
  end))
end)

describe("lbpf check", function()
  it("says what works", needs({"root", "argparse", "btf"}, function()
    local text = lines("check")
    assert.matches("\nyes  bpf%(%)            works\n", text)
    assert.matches("\nyes  raw tracepoints  works\n", text)
    assert.matches("\nyes  libbpf           v1%.%d+", text)
  end))

  it("says what to do", needs({"root", "argparse"}, function()
    local text, status = child.output(("setpriv --bounding-set=-all --inh-caps=-all -- "
      .. "%s bin/lbpf check"):format(os.getenv("LBPF_LUA")))
    assert.equal(1, status)
    assert.matches("\nno   privileges       without CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_PERFMON, "
      .. "CAP_BPF\n +for loading programs: run it as root, or with CAP_BPF, CAP_PERFMON and "
      .. "CAP_NET_ADMIN\n", text)
    assert.matches("\nno   bpf%(%)            not permitted: see privileges\n", text)
  end))

  -- the probes of the specs are others
  it("agrees with the specs' probes", needs({"root", "argparse", "json"}, function()
    local text = lbpf("check")
    local probes = require "probes"
    for check, probe in pairs {kprobes = "kprobes", kprobe_multi = "kprobe_multi",
      trampolines = "trampolines", may_goto = "may_goto", bpf_loop = "bpf_loop",
      iterators = "iterators"} do
      local ok, works = pcall(probes[probe])
      assert.matches(("\n%s  %s "):format(ok and works and "yes" or "no ", check), text)
    end
  end))
end)

describe("lbpf tools", function()
  it("lists them", needs({"argparse"}, function()
    assert.matches("\nopensnoop +Files that are opened", lines("tools"))
    assert.same({"lbpf: there is no tool '../x'; lbpf tools lists them\n", 1},
      {lbpf("tools ../x")})
  end))

  it("runs one with its arguments", needs({"root", "argparse", "tracefs"}, function()
    local text = lines("tools opensnoop -t 0.1 --csv")
    assert.matches("\ntime,pid,comm,fd,error,path\n", "\n" .. text)
  end))

  it("ends one quietly when nobody reads on", needs({"root", "argparse", "tracefs"}, function()
    assert.same({"PROCESS 141\n", 0}, {child.output(([[bash -c '
      (while sleep 0.1; do cat /etc/hostname; done) >/dev/null 2>&1 & disown
      { %s bin/lbpf tools opensnoop -t 20 2>/dev/null; echo PROCESS $? >&2; } | head -n 1 >/dev/null
      kill $!']]):format(os.getenv("LBPF_LUA")))})
  end))
end)

describe("lbpf new", function()
  local function made(options)
    local dir = directory()
    local text = lines(("new %s %s/snoop"):format(options, dir))
    assert.matches("lbpf run " .. dir .. "/snoop/snoop.lua", text, 1, true)
    return child.output(([[
      cd %s
      XDG_CACHE_HOME=%s %s bin/lbpf run %s/snoop/snoop.lua >%s/out 2>&1 &
      pid=$!
      for i in $(seq 3000); do ! grep -q FILE %s/out || break; sleep 0.01; done
      build/helpers/datagrams >/dev/null 2>&1
      for i in $(seq 300); do ! grep -q datagrams %s/out || break; sleep 0.01; done
      kill -INT $pid
      wait $pid
      status=$?
      cat %s/out
      exit $status
    ]]):format(".", dir, os.getenv("LBPF_LUA"), dir, dir, dir, dir, dir))
  end

  it("makes a tool that works", needs({"root", "argparse", "btf", "tracefs"}, function()
    local text, status = made("")
    assert.equal(0, status, text)
    assert.matches("\n%d+ +sh +build/helpers/datagrams *\n", text)
    assert.matches("\nprograms%[build/helpers/datagrams%]: +1\n", text)
  end))

  it("makes one in C", needs({"root", "argparse", "btf", "tracefs", "clang"}, function()
    local text, status = made("-c")
    assert.equal(0, status, text)
    assert.matches("\n%d+ +sh +build/helpers/datagrams *\n", text)
    assert.matches("\n1\tbuild/helpers/datagrams\n", text)
  end))

  it("replaces nothing", needs({"argparse"}, function()
    local dir = directory()
    local text, status = lbpf("new " .. dir)
    assert.equal(1, status)
    assert.matches("File exists", text)
  end))
end)

describe("lbpf", function()
  it("completes commands and options in bash", needs({"argparse"}, function()
    local script = lines("completion bash")
    local path = os.tmpname()
    write(path, script .. [[
      COMP_WORDS=(lbpf tr); COMP_CWORD=1; _lbpf; echo "${COMPREPLY[@]}"
      COMP_WORDS=(lbpf compile --lo); COMP_CWORD=2; _lbpf; echo "${COMPREPLY[@]}"
    ]])
    assert.same({"trace\n--loops\n", 0}, {child.output("bash " .. path)})
    os.remove(path)
  end))

  it("says what is wrong with its arguments", needs({"argparse"}, function()
    assert.same({"lbpf: unknown option '--no-such'\nlbpf trace --help says more\n", 1},
      {lbpf("trace --no-such")})
  end))

  it("is installed with its tools, manual page and completion",
    needs({"unsanitized", "argparse"}, function()
    local dir = directory()
    local lua = os.getenv("LBPF_LUA")
    local _, status = child.output(("make -s install LUA=%s PREFIX=%s"):format(lua, dir))
    assert.equal(0, status)
    local output
    output, status = child.output(("cd / && LUA_PATH='%s/share/lua/%s/?.lua;"
      .. "%s/share/lua/%s/?/init.lua;;' LUA_CPATH='%s/lib/lua/%s/?.so;;' %s %s/bin/lbpf tools")
      :format(dir, _VERSION:sub(5), dir, _VERSION:sub(5), dir, _VERSION:sub(5), lua, dir))
    assert.equal(0, status, output)
    assert.matches("\nopensnoop ", output)
    assert.matches("run BPF programs in Lua and in C",
      (child.output("cat " .. dir .. "/share/man/man1/lbpf.1")))
    assert.equal(0, (select(2, child.output("test -s " .. dir
      .. "/share/bash-completion/completions/lbpf"))))
  end))
end)
