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
