-- Objects compiled from Lua for a kernel that numbers its enumerators and places its tracepoints'
-- fields in another way: libbpf is given other types than those they were compiled with.
local compiled = require "compiled"
local lbpf = require "lbpf"
local needs = require "needs"

local path = os.tmpname()

-- Loads the program with the types that F writes, and returns its object.
local function load_elsewhere(section, text, f, opts)
  local bytes, plan = lbpf.compile({{section, text}}, opts)
  assert(bytes, plan)
  local btf = lbpf.btf_new_empty()
  f(btf)
  local file = assert(io.open(path, "wb"))
  file:write(btf:raw_data())
  file:close()
  local object = assert(lbpf.open_mem(bytes, {btf_custom_path = path}))
  compiled.load(object)
  return object
end

local function out_of(section, text, f, opts)
  local object = load_elsewhere(section, text, f, opts)
  assert(lbpf.prog_test_run(object.progs.probe_1, {}))
  local out = compiled.out(object)
  object:close()
  return out
end

local function other_enums(btf)
  btf:add_enum("bpf_task_fd_type", 4)
  btf:add_enum_value("BPF_FD_TYPE_TRACEPOINT", 77)
  btf:add_enum_value("BPF_FD_TYPE_KPROBE", -5)
end

describe("an object for another kernel", function()
  teardown(function()
    os.remove(path)
  end)

  it("has that kernel's enumerators", needs({"root", "btf"}, function()
    local out = out_of("raw_tp", [[
      local n = m[1] or 77
      out[1] = BPF_FD_TYPE_TRACEPOINT
      out[2] = BPF_FD_TYPE_TRACEPOINT + 1
      out[3] = -BPF_FD_TYPE_KPROBE
      out[4] = n == BPF_FD_TYPE_TRACEPOINT and 1 or 0
      out[5] = 155 // BPF_FD_TYPE_TRACEPOINT
      m[2] = 0 ]], other_enums)
    assert.same({77, 78, 5, 1, 2}, out)
  end))

  it("has the enumerators it was compiled with, if told so", needs({"root", "btf"}, function()
    assert.same({1, 2}, out_of("raw_tp", [[
      out[1] = BPF_FD_TYPE_TRACEPOINT
      out[2] = BPF_FD_TYPE_TRACEPOINT + 1 ]], other_enums, {portable = false}))
  end))

  it("needs no types where it was compiled for that kernel alone",
    needs({"root", "btf", "task_btf"}, function()
      local out = out_of("raw_tp", "out[1] = curtask.tgid == pid and 1 or 0", function() end,
        {portable = false})
      assert.same({1}, out)
    end))

  -- The offsets of the instructions that read memory, and the numbers that others add.
  local function offsets(object)
    local found, bytes = {}, object.progs.probe_1:insns()
    for at = 1, #bytes, 8 do
      local code = bytes:byte(at)
      found[#found + 1] = code % 8 == 1 and bytes:byte(at + 2) or code == 7 and bytes:byte(at + 4)
        or nil
    end
    return found
  end

  local function has(list, wanted)
    for _, each in ipairs(list) do
      if each == wanted then
        return true
      end
    end
    return false
  end

  it("finds a tracepoint's fields there", needs({"root", "btf", "tracefs"}, function()
    -- as on a kernel for real time, whose records begin with 8 bytes more
    local function other_records(btf)
      local u32, int = btf:add_int("unsigned int", 4), btf:add_int("int", 4, "signed")
      local long = btf:add_int("unsigned long", 8)
      local ent = btf:add_struct("trace_entry", 16)
      btf:add_field("type", int, 0)
      btf:add_struct("trace_event_raw_sched_process_exec", 28)
      btf:add_field("ent", ent, 0)
      btf:add_field("__data_loc_filename", u32, 128)
      btf:add_field("pid", int, 160)
      btf:add_field("old_pid", int, 192)
      local args = btf:add_array(u32, long, 0)
      btf:add_struct("syscall_trace_enter", 24)
      btf:add_field("ent", ent, 0)
      btf:add_field("nr", int, 128)
      btf:add_field("args", args, 192)
    end
    local object = load_elsewhere("tp/sched/sched_process_exec",
      "out[args.filename] = args.old_pid", other_records)
    local at = offsets(object)
    assert.is_true(has(at, 16) and has(at, 24))
    assert.is_false(has(at, 12))
    object:close()
    object = load_elsewhere("tp/syscalls/sys_enter_openat", "out[args.flags] = args.dfd",
      other_records)
    at = offsets(object)
    assert.is_true(has(at, 24) and has(at, 40))
    assert.is_false(has(at, 16))
    object:close()
  end))

  it("finds the fields of a class of tracepoints", needs({"root", "btf", "tracefs"}, function()
    local object = load_elsewhere("tp/sched/sched_wakeup", "out[args.comm] = args.prio",
      function(btf)
        local int = btf:add_int("int", 4, "signed")
        local char = btf:add_int("char", 1, "char")
        btf:add_array(int, char, 16)
        btf:add_struct("trace_event_raw_sched_wakeup_template", 72)
        btf:add_field("comm", 3, 256)
        btf:add_field("pid", int, 384)
        btf:add_field("prio", int, 448)
      end)
    assert.is_true(has(offsets(object), 56))
    object:close()
  end))

  it("is not loaded where a field is missing, and says which", needs({"root", "btf", "tracefs"},
    function()
      local bytes = assert(lbpf.compile {{"tp/sched/sched_process_exec", "out[1] = args.old_pid"}})
      local btf = lbpf.btf_new_empty()
      btf:add_struct("trace_event_raw_sched_process_exec", 8)
      local file = assert(io.open(path, "wb"))
      file:write(btf:raw_data())
      file:close()
      local object = assert(lbpf.open_mem(bytes, {btf_custom_path = path}))
      local ok, message, _, log = object:load()
      assert.is_nil(ok)
      assert.matches("trace_event_raw_sched_process_exec.old_pid", tostring(message)
        .. tostring(log))
      object:close()
    end))
end)
