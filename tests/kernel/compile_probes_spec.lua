-- Each kind of probe as a program in Lua: loaded, attached, run, with its arguments.
local child = require "child"
local compiled = require "compiled"
local lbpf = require "lbpf"
local needs = require "needs"

-- Compiles, loads and attaches programs, has something done, and returns what the map `out` has.
local function trace(programs, act)
  local bytes, plan = lbpf.compile(programs)
  assert(bytes, plan)
  local object = assert(lbpf.open_mem(bytes))
  compiled.load(object)
  assert(object:attach())
  if act then
    act()
  else
    os.execute "cat /etc/hostname >/dev/null"
  end
  local out = compiled.out(object)
  object:close()
  return out
end

local function loads(programs)
  local bytes, plan = lbpf.compile(programs)
  assert(bytes, plan)
  local object = assert(lbpf.open_mem(bytes))
  local loaded, message, _, log = object:load()
  assert(loaded, tostring(message) .. "\n" .. tostring(log))
  object:close()
end

describe("a compiled probe", function()
  it("at a function's beginning and end has its arguments", needs({"root", "trampolines"},
    function()
    local out = trace {
      ["fentry/vfs_read"] = [[
        if comm == "cat" then
          out[1] = args.count
          out[2] = args.file.f_inode.i_sb.s_magic
        end ]],
      ["fexit/vfs_read"] = [[ if comm == "cat"
        and retval >= 0 then out[4] = retval out[5] = args.count end ]],
    }
    assert.is_true(out[1] > 0 and out[2] > 0)
    assert.is_true(out[4] >= 0 and out[5] > 0)
  end))

  it("has the paths of files", needs({"root", "trampolines"}, function()
    local file = os.tmpname()
    local out = trace({["fentry/vfs_fallocate"] = [[
      if comm == "fallocate" then
        local where = path(args.file.f_path)
        out[1] = #where
        out[2] = starts(where, "/tmp/") and 1 or 0
        out[3] = path(args.file.f_path, 8) == "" and 1 or 0
      end ]]}, function()
      os.execute("fallocate -l 10 " .. file)
    end)
    os.remove(file)
    assert.same({#file, 1, 1}, out)
  end))

  it("by kprobe knows the function's prototype", needs({"root", "kprobes"}, function()
    local out = trace {
      ["kprobe/vfs_read"] = [[
        if comm == "cat" then
          start[tid] = nsecs
          out[1] = args.count
          out[2] = args.file.f_inode.i_sb.s_magic
        end ]],
      ["kretprobe/vfs_read"] = [[
        local since = start[tid]
        if since then
          out[3] = nsecs - since
          out[4] = retval
        end ]],
    }
    assert.is_true(out[1] > 0 and out[2] > 0 and out[3] > 0)
    assert.is_truthy(out[4])
  end))

  it("of a system call has what the user passed", needs({"root", "kprobes", "tracefs"}, function()
    local out = trace {
      ["ksyscall/openat"] = [[
        if str(args.filename) == "/etc/hostname" then out[1] = args.flags end ]],
      ["tp/syscalls/sys_enter_openat"] = [[
        if str(args.filename) == "/etc/hostname" then out[2] = args.flags out[3] = args.dfd end ]],
    }
    assert.same({0, 0, -100}, out)
  end))

  it("at a tracepoint has BTF's types", needs({"root", "trampolines"}, function()
    local out = trace {
      -- It may run in one go, and not be switched to, but its exit switches away from it.
      ["tp_btf/sched_switch"] = [[
        if args.prev.comm == "cat" then
          out[1] = args.prev.tgid
          out[3] = args.prev.group_leader.real_parent.pid
          out[4] = args.prev.sched_reset_on_fork
          local mm = args.prev.mm -- it has none any more when it exits
          if mm and mm.owner then out[2] = mm.owner.pid end
        end ]],
    }
    assert.is_true(out[1] > 0 and out[3] > 0)
    assert.is_true(out[2] == nil or out[2] > 0)
    assert.equal(0, out[4])
  end))

  it("in a process reads its memory", needs("root", function()
    local probed = child.probe_me()
    local out = trace({
      ["uprobe/build/helpers/probe_me:probe_add"] = [[ out[1] = args.arg0 ]],
      ["uretprobe/build/helpers/probe_me:probe_add"] = [[ out[2] = retval ]],
    }, function() probed:call "add 5" end)
    probed:stop()
    assert.same({5, 1005}, out)
  end))

  it("at a tracepoint has its arrays", needs({"root", "tracefs"}, function()
    local out = trace {["tp/raw_syscalls/sys_enter"] = [[
      if comm == "cat" and starts(str(args.args[1]), "/etc/host") then
        out[1] = args.args[2]
      end ]]}
    assert.equal(0, out[1]) -- O_RDONLY, of openat()
  end))

  it("at a USDT probe has its arguments", needs({"root", "btf", "cookies"}, function()
    local probed = child.probe_me()
    local programs = {["usdt/build/helpers/probe_me:lbpf_test:called"] = [[
      local n = (out[1] or 0) + 1
      out[1] = n
      out[n + 1] = args.arg0
      if n == 2 then out[9] = args.arg1 end ]]}
    local out = trace(programs, function()
      probed:call "usdt 12345"
      probed:call "usdt -7"
    end)
    probed:stop()
    assert.same({2, 12345, -7}, out) -- there is no second argument, and the program ends
  end))

  it("walks lists and arrays of the kernel", needs({"root", "btf"}, function()
    local out = trace {
      ["raw_tp/sys_enter"] = [[
        if comm == "cat" then
          local p, depth = curtask, 0
          while p.pid ~= 1 and p.pid ~= 0 and depth < 100 do
            p = p.real_parent
            depth = depth + 1
          end
          out[1] = depth
          out[2] = curtask.files.fdt.max_fds
          out[3] = container_of(addr(curtask.se) - 0, "struct task_struct", "se").pid - tid
        end ]],
    }
    assert.is_true(out[1] > 0 and out[2] > 0)
    assert.equal(0, out[3])
  end))

  it("is an iterator", needs({"root", "iterators"}, function()
    local bytes = assert(lbpf.compile {["iter/task"] = [[
      if args.task then out[args.task.pid] = args.task.tgid end ]]})
    local object = assert(lbpf.open_mem(bytes))
    assert(object:load())
    local link = assert(object.progs.probe_1:attach_iter())
    assert(lbpf.iter_create(link)):read()
    local pid = child.kernel_pid()
    assert.equal(pid, object.maps.out:view({numbers = true}):lookup({k1 = pid}).v)
    object:close()
  end))

  it("of other kinds loads", needs({"root", "btf"}, function()
    loads {
      {"perf_event", "count(comm, kstack) count('user', ustack) out[1] = args.sample_period"},
      {"tc", "count('tc', args.len) local eth = packet('struct ethhdr')"
        .. " if eth and ntohs(eth.h_proto) == 0x800 then return TC_ACT_SHOT end"},
      {"cgroup_skb/egress", "sum('bytes', args.len) return 1"},
      {"cgroup/connect4", "count('c4', ntop(args.user_ip4), ntohs(args.user_port)) return 1"},
      {"xdp", "count('x', args.ingress_ifindex) return XDP_PASS"},
      {"uprobe//bin/sh:main", "print(str(args.arg1), ustack)"},
      {"sockops", "count('ops', args.op)"},
    }
  end))

  it("at security hooks loads", needs({"root", "trampolines", "lsm"}, function()
    loads {["lsm/file_open"] = [[
      if args.file.f_inode.i_size > 1 << 40 then return -1 end return 0 ]]}
  end))
end)
