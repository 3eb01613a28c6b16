-- lbpf new NAME: a project to begin with.

local support = require "lbpf.command.support"

local new = {
  summary = "Make a project to begin with.",
  description = "Makes a directory with a tool that works: it shows the programs that are "
    .. "started. Its programs are in Lua, or with -c in C.",
}

function new.declare(command)
  command:argument("name", "The directory, and the name of the tool.")
  command:flag("-c --c", "Programs in C, in the script.")
end

local IN_LUA = [==[
-- NAME: which programs are started, and by whom. Run it as root: lbpf run NAME.lua
local lbpf = require "lbpf"

-- These run in the kernel. docs/probes.md of lbpf has the language.
local tracer = assert(lbpf.trace {
  ["tp/sched/sched_process_exec"] = [[
    emit("exec", {pid = pid, parent = curtask.real_parent.comm, file = str(args.filename)})
    count("programs", str(args.filename)) ]],
})

-- This runs here, for each emit().
tracer:on("exec", function(pid, parent, file)
  print(("%-8d %-16s %s"):format(pid, parent, file))
end)

print(("%-8s %-16s %s"):format("PID", "PARENT", "FILE"))
tracer:run() -- until Ctrl-C
tracer:show()
]==]

local IN_C = [==[
-- NAME: which programs are started, and by whom. Run it as root: lbpf run NAME.lua
local lbpf = require "lbpf"

-- clang compiles this the first time. The kernel's types that it names are there.
local bytes = assert(lbpf.compile {c = [[
  #include <bpf/bpf_helpers.h>
  #include <bpf/bpf_core_read.h>

  char LICENSE[] SEC("license") = "GPL";

  struct event {
    int pid;
    char parent[16], file[128];
  };

  struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 18);
  } events SEC(".maps");

  const struct event *type_of_events __attribute__((unused));

  SEC("tp/sched/sched_process_exec")
  int on_exec(struct trace_event_raw_sched_process_exec *ctx)
  {
    struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
    struct task_struct *task = (void *)bpf_get_current_task();

    if (!e)
      return 0;
    e->pid = bpf_get_current_pid_tgid() >> 32;
    BPF_CORE_READ_STR_INTO(&e->parent, task, real_parent, comm);
    bpf_probe_read_str(e->file, sizeof(e->file), (char *)ctx + (ctx->__data_loc_filename & 0xffff));
    bpf_ringbuf_submit(e, 0);
    return 0;
  }
]]})
local object = assert(lbpf.open_mem(bytes))
assert(object:load())
assert(object:attach())

local counts = {}
local ring = assert(lbpf.ring_buffer(object.maps.events, function(pid, parent, file)
  print(("%-8d %-16s %s"):format(pid, parent, file))
  counts[file] = (counts[file] or 0) + 1
end, {type = "struct event", fields = {"pid", "parent", "file"}}))

print(("%-8s %-16s %s"):format("PID", "PARENT", "FILE"))
lbpf.run {ring} -- until Ctrl-C
for file, n in pairs(counts) do
  print(n, file)
end
]==]

local README = [==[
# NAME

Shows which programs are started on this machine, and by whom. It needs root:

    lbpf run NAME.lua

`lbpf check` says what this machine has, `lbpf list 'tracepoint:*'` which probes there are.
]==]

function new.run(args)
  local lbpf = require "lbpf"
  local name = args.name:match("([%w_.-]+)/*$")
  if not name or name:find("^[.-]") then
    support.fail("'%s': expected a name of letters, digits, '_', '.' and '-'", args.name)
  end
  local folder = args.name:gsub("/+$", "")
  local status, _, message = lbpf.spawn({"mkdir", "--", folder})
  if status ~= 0 then
    support.fail("%s", (message:gsub("\n$", "")))
  end
  local source = args.c and IN_C or IN_LUA
  for path, text in pairs {[name .. ".lua"] = source, ["README.md"] = README} do
    support.write(folder .. "/" .. path, (text:gsub("NAME", name)))
  end
  print(("Made %s/%s.lua. As root:\n\n    lbpf run %s/%s.lua"):format(folder, name, folder, name))
  return 0
end

return new
