-- SEC("first/kprobe/new_name|kprobe/old_name"): the first alternative that this kernel has. Each is
-- a section name that libbpf knows, of a kind listed in `kinds` below; one without a slash is of
-- the same kind as the one before it: SEC("first/kprobe/new_name|old_name").
--
-- The alternatives share the program's code: its context must be the same for all of them, or it
-- must not be read.

local lbpf = require "lbpf.core"

local ENOENT = 2

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

-- The kernel's functions, read once for all programs that ask.
local in_kallsyms
local function is_function(name)
  if not in_kallsyms then
    in_kallsyms = {}
    for line in io.lines("/proc/kallsyms") do
      local symbol = line:match("^%x+ [tT] ([%w_.]+)")
      if symbol then
        in_kallsyms[symbol] = true
      end
    end
  end
  return in_kallsyms[name]
end

local function has_kprobe(name)
  return exists("/sys/bus/event_source/devices/kprobe/type") and is_function(name)
end

local function has_tracepoint(target)
  return exists("/sys/kernel/tracing/events/" .. target .. "/id")
    or exists("/sys/kernel/debug/tracing/events/" .. target .. "/id")
end

-- r0 = 0; exit
local NOTHING = "\183\0\0\0\0\0\0\0\149\0\0\0\0\0\0\0"

-- A kernel may describe a function and still have no trampolines: only a try tells.
local function has_trampoline(attach_type)
  return function(name)
    local id = lbpf.find_vmlinux_btf_id(name, attach_type)
    local prog = id and lbpf.prog_load("tracing", "first", "GPL", NOTHING, {
      expected_attach_type = attach_type, attach_btf_id = id,
    })
    if prog then
      prog:close()
    end
    return prog ~= nil
  end
end

local function set_target(prog, name)
  prog:set_attach_target(0, name)
end

-- The kinds of alternatives: `is_there(target)`; `setup(prog, target)`, where the kernel must know
-- the target at the load; `attach(prog, target)`.
local kinds = {
  kprobe = {
    is_there = has_kprobe,
    attach = function(prog, name) return prog:attach_kprobe(name) end,
  },
  kretprobe = {
    is_there = has_kprobe,
    attach = function(prog, name) return prog:attach_kprobe(name, {retprobe = true}) end,
  },
  fentry = {
    is_there = has_trampoline("trace_fentry"),
    setup = set_target,
    attach = function(prog) return prog:attach_trace() end,
  },
  fexit = {
    is_there = has_trampoline("trace_fexit"),
    setup = set_target,
    attach = function(prog) return prog:attach_trace() end,
  },
  tp = {
    is_there = has_tracepoint,
    attach = function(prog, target)
      return prog:attach_tracepoint(target:match("^(.-)/(.*)$"))
    end,
  },
  raw_tp = {
    is_there = function(name) return lbpf.find_vmlinux_btf_id(name, "trace_raw_tp") ~= nil end,
    attach = function(prog, name) return prog:attach_raw_tracepoint(name) end,
  },
}

-- The alternatives of a section, in their order: lists of kind and target.
local function alternatives(section)
  local list, kind = {}, nil
  for word in section:sub(#"first/" + 1):gmatch("[^|]+") do
    local own, target = word:match("^([%w_.]+)/(.+)$")
    kind, target = own or kind, target or word
    if not kinds[kind] then
      error(("SEC(\"%s\"): '%s' is not a kind of alternative; there are: fentry, fexit, kprobe, "
        .. "kretprobe, raw_tp, tp"):format(section, kind or word), 0)
    end
    list[#list + 1] = {kind, target}
  end
  return list
end

-- The kind and target of the first alternative that is there, else of the last one; and whether
-- it is there.
local function choose(prog)
  local kind, target
  for _, alternative in ipairs(alternatives(prog:section_name())) do
    kind, target = alternative[1], alternative[2]
    if kinds[kind].is_there(target) then
      return kind, target, true
    end
  end
  return kind, target, false
end

return {
  {
    sec = "first/",
    prog_setup_fn = function(prog)
      local kind, target = choose(prog)
      local prog_type, attach_type = lbpf.prog_type_by_name(kind .. "/" .. target)
      prog:set_type(prog_type)
      prog:set_expected_attach_type(attach_type)
      if kinds[kind].setup then
        kinds[kind].setup(prog, target)
      end
    end,
    prog_prepare_load_fn = function(prog)
      if not select(3, choose(prog)) then
        return nil, ("SEC(\"%s\"): this kernel has none of these"):format(prog:section_name()),
          ENOENT
      end
    end,
    prog_attach_fn = function(prog)
      local kind, target = choose(prog)
      return kinds[kind].attach(prog, target)
    end,
  },
}
