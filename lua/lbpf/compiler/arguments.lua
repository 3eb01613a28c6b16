-- Where a probe's arguments are, and their types. For each layout of a context there is a function
-- that sets a probe's `arguments` (by name) and perhaps `retval`. An argument has
--
--   type, offset, size: in the context; signed; sign_bits: how many bits of it count;
--   address: it says where in the context a string is; inside: it is an array, and stands for its
--   address; value: a function of the generator that reads it; inner: it is in registers that the
--   register at that offset points to; settle: a function that finds the type, once it is needed,
--   for that may take the kernel's types; reloc: of the offset; why: what to say if there is no
--   type
local T = require "lbpf.compiler.type"
local modules = require "lbpf.compiler.modules"
local records = require "lbpf.compiler.records"
local source = require "lbpf.compiler.source"
local usdt = require "lbpf.compiler.usdt"

local arguments = {}

-- In BTF: 64-bit words in the order of a prototype's parameters ---------------------------------

local function of_type(probe, id, offset, known)
  local kernel = probe.kernel
  local t = kernel:resolve(id)
  local arg = {offset = offset, size = 8, type = T.of_btf(kernel, id, probe.space, known)}
  if arg.type and arg.type.kind == "place" then
    arg.type, arg.why = nil, kernel:describe(id) .. ", a structure that is passed by value"
  elseif t.size and t.size < 8 and arg.type then
    arg.sign_bits, arg.signed = t.size * 8, t.signed
  end
  return arg
end

local function words(probe, proto, known, first)
  local args, at = {}, 0
  for i = first or 1, #proto.params do
    local param = proto.params[i]
    if param.name then
      args[param.name] = of_type(probe, param.type, at * 8, known)
    end
    args["arg" .. at] = args["arg" .. at] or of_type(probe, param.type, at * 8, known)
    at = at + 1
  end
  return args, at
end

local function need_kernel(probe)
  if not probe.kernel then
    source.fail_plainly("%s: the arguments' types are in the kernel's BTF, and this one has none",
      probe.section)
  end
end

-- The types of the kernel, or of the module that has this name; then they are the program's, too.
local function types_with(probe, name, kind)
  local found = modules.having(probe.kernel, name, kind)
  probe.kernel = found or probe.kernel
  return found
end

--- Raw tracepoints: the prototype of __traceiter_NAME, or of btf_trace_NAME, which has no names.
-- The first parameter does not belong to the tracepoint.
function arguments.trace(probe, kind)
  need_kernel(probe)
  if not probe.target then
    return
  end
  local kernel = types_with(probe, "btf_trace_" .. probe.target, "typedef")
  if not kernel then
    source.fail_plainly("%s: the kernel has no raw tracepoint '%s'", probe.section, probe.target)
  end
  local id = kernel:find("btf_trace_" .. probe.target, "typedef")
  local proto = kernel:prototype("__traceiter_" .. probe.target)
    or kernel:resolve(kernel:resolve(id).type)
  probe.arguments = words(probe, proto, kind.known, 2)
end

--- Functions, by a trampoline: fentry, fexit.
function arguments.traced_function(probe, kind)
  need_kernel(probe)
  if not probe.target then
    return
  end
  local name = (kind.prefix or "") .. probe.target
  local kernel = types_with(probe, name, "func")
  if not kernel then
    source.fail_plainly("%s: the kernel's BTF has no function '%s'", probe.section, name)
  end
  local proto = kernel:prototype(name)
  local count
  probe.arguments, count = words(probe, proto, true)
  if kind.returns and proto.type ~= 0 then
    probe.retval = of_type(probe, proto.type, count * 8, true)
  end
end

--- Iterators: the members of struct bpf_iter__NAME.
function arguments.iterator(probe)
  need_kernel(probe)
  local id = probe.kernel:find("bpf_iter__" .. (probe.target or ""), "struct")
  if not id then
    source.fail_plainly("%s: the kernel has no iterator '%s'", probe.section, probe.target or "")
  end
  for _, m in ipairs(probe.kernel:type(id).members) do
    if m.name then
      probe.arguments[m.name] = of_type(probe, m.type, m.offset / 8, true)
    else -- a union gives pointers the same size everywhere
      local inner = probe.kernel:resolve(m.type).members[1]
      probe.arguments[inner.name] = of_type(probe, inner.type, m.offset / 8, true)
    end
  end
end

-- In registers ------------------------------------------------------------------------------------

-- Offsets in struct pt_regs of a function's arguments, its result, and a system call's arguments.
local registers = {
  x86_64 = {112, 104, 96, 88, 72, 64, result = 80, call = {112, 104, 96, 56, 72, 64}, inner = 112},
  arm64 = {0, 8, 16, 24, 32, 40, 48, 56, result = 0, call = {0, 8, 16, 24, 32, 40}, inner = 0},
}

local function layout(probe)
  local offsets = registers[probe.arch]
  if not offsets then
    source.fail_plainly("%s: the registers of %s are not known; x86_64 and arm64 are",
      probe.section,
      probe.arch)
  end
  return offsets
end

local function plain(offset)
  return {type = T.int, offset = offset, size = 8}
end

--- Kernel functions, by their prototype where BTF has it; and arg0 to arg5.
function arguments.registers(probe, kind)
  local offsets = layout(probe)
  if kind.returns then
    probe.retval = plain(offsets.result)
  end
  for i, offset in ipairs(kind.returns and not kind.both and {} or offsets) do
    probe.arguments["arg" .. i - 1] = plain(offset)
  end
  local name = kind.by_prototype and probe.kernel and not (probe.target or "*"):find "[*?]"
    and probe.target:match "^[%w_]+"
  if not name or not types_with(probe, name, "func") then
    return
  end
  local proto = probe.kernel:prototype(name)
  for i, param in ipairs(kind.returns and not kind.both and {} or proto.params) do
    local arg = offsets[i] and of_type(probe, param.type, offsets[i], false)
    if param.name and arg then
      probe.arguments[param.name] = arg
      probe.arguments["arg" .. i - 1] = arg
    end
  end
  if kind.returns and proto.type ~= 0 then
    probe.retval = of_type(probe, proto.type, offsets.result, false)
  end
end

-- In tracefs --------------------------------------------------------------------------------------

local EACCES = 13

-- The text of a tracepoint's format file; or nil, and why it cannot be read.
local function read_format(category, name)
  local why = "is tracefs mounted, and is there such a tracepoint?"
  for _, root in ipairs {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} do
    local f, _, errno = io.open(("%s/events/%s/%s/format"):format(root, category, name))
    if f then
      local text = f:read "*a"
      f:close()
      return text
    elseif errno == EACCES then
      why = "only root may read tracefs"
    end
  end
  return nil, why
end

-- Sizes of the types that system calls have most, to be found without the kernel's.
local sizes = {int = 4, ["unsigned int"] = 4, unsigned = 4, long = 8, ["unsigned long"] = 8,
  size_t = 8, loff_t = 8, pid_t = 4}
local unsigned_sizes = {umode_t = 2, u32 = 4, __u32 = 4, uid_t = 4, gid_t = 4}

-- The size of a declared number, and whether it is signed.
local function size_of_number(kernel, text)
  if sizes[text] or unsigned_sizes[text] then
    return sizes[text] or unsigned_sizes[text], sizes[text] ~= nil
  end
  local id = kernel and kernel:find_type((text:gsub("^const%s+", ""):gsub("^unsigned%s+", "")))
  return id and kernel:size(id) or 8, id and kernel:resolve(id).signed
end

-- The type of a declaration in C: a pointer, a number, or an array, which becomes a pointer.
local function declared(probe, text, arg, is_array)
  local kernel = probe.kernel
  if is_array then
    local id = kernel and kernel:find_type((text:gsub("^const%s+", "")))
    arg.type, arg.inside = T.pointer(id or 0, "kernel"), true
  elseif text:find("*", 1, true) then
    local struct = text:match "struct%s+([%w_]+)%s*%*$"
    local id = struct and kernel and kernel:find(struct, "struct")
    arg.type = T.pointer(id or 0, probe.space)
  elseif arg.size <= 8 then
    local size, is_signed = 8, true
    if probe.is_call then
      size, is_signed = size_of_number(kernel, text)
    end
    if size > 0 and size < arg.size then
      arg.sign_bits = size * 8
      arg.signed = is_signed and not text:find "unsigned"
    elseif probe.is_call then
      arg.signed = true
    end
    local signed = arg.signed or (arg.size == 8 and not arg.sign_bits)
    arg.type = signed and T.int or T.natural
  end
end

local function field(probe, line)
  local decl, offset, size, signed = line:match
    "field:([^;]+);%s*offset:(%d+);%s*size:(%d+);%s*signed:(%d)"
  local before, array = decl:match "^(.-)%s*%[(.-)%]$"
  local text, name = (before or decl):match "^(.-)%s*([%w_]+)$"
  local arg = {offset = tonumber(offset), size = tonumber(size), signed = signed == "1"}
  if decl:match "^__data_loc" then
    arg.why = "an array of another kind"
    if decl:match "^__data_loc%s+char" then
      arg.address, arg.size, arg.type = true, 4, T.str(probe.options.str)
    end
  elseif array and text:match "char$" and not text:match "unsigned" then
    arg.type = T.str(arg.size)
  else
    function arg.settle()
      declared(probe, text, arg, array)
    end
  end
  return name, arg
end

--- Tracepoints: the fields of their format file.
function arguments.format(probe)
  if not probe.target then
    return
  end
  local category, name = probe.target:match "^([%w_-]+)/([%w_-]+)$"
  local text, why
  if category then
    text, why = read_format(category, name)
  end
  if not text then
    probe.no_arguments = "its format cannot be read: " .. (why or "the name has no category")
    return
  end
  probe.is_call = category == "syscalls"
  probe.space = (probe.is_call or category == "raw_syscalls") and "user" or "kernel"
  local fields = {}
  for line in text:gmatch "[^\n]+" do
    if line:find("field:", 1, true) then
      local arg_name, arg = field(probe, line)
      arg.name = arg_name
      probe.arguments[arg_name], fields[#fields + 1] = arg, arg
    end
  end
  if probe.options.portable and probe.kernel then
    records.relocate(probe.kernel, category, name, fields)
  end
end

--- System calls at their kernel function: named as the tracepoint does, in the inner registers.
function arguments.system_call(probe, kind)
  local offsets = layout(probe)
  if kind.returns then
    probe.retval = plain(offsets.result)
    return
  end
  probe.is_call = true
  local text = probe.target and read_format("syscalls", "sys_enter_" .. probe.target)
  local i = 0
  for line in (text or ""):gmatch "[^\n]+" do
    if line:find("field:", 1, true) and not line:find("common_", 1, true)
      and not line:find("__syscall_nr", 1, true) then
      i = i + 1
      local name, arg = field(probe, line)
      if offsets.call[i] then
        arg.offset, arg.inner, arg.size = offsets.call[i], offsets.inner, 8
        probe.arguments[name] = arg
      end
    end
  end
  for j, offset in ipairs(offsets.call) do
    probe.arguments["arg" .. j - 1] = {type = T.int, offset = offset, inner = offsets.inner,
      size = 8}
  end
end

--- USDT probes: the object needs maps of libbpf's for them.
function arguments.usdt(probe)
  layout(probe) -- is the architecture known?
  probe.arguments, probe.maps = usdt.arguments(), usdt.maps()
end

--- No arguments.
function arguments.none() end

return arguments
