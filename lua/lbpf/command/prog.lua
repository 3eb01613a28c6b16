-- lbpf prog show|dump: the programs in the kernel.

local objects = require "lbpf.command.objects"
local support = require "lbpf.command.support"

local prog = {summary = "Show the programs in the kernel, and their instructions."}

function prog.declare(command)
  objects.declare(command, "programs", "Show a program's instructions.")
end

local function number(value)
  return ("%.0f"):format(tonumber(value))
end

local function line(info)
  local boot = tonumber(support.read("/proc/stat"):match("\nbtime (%d+)"))
  local loaded = boot + tonumber(info.load_time) / 1e9
  local parts = {("%d: %s  name %s  tag %s%s"):format(info.id, info.type, info.name, info.tag,
    info.gpl_compatible and "  gpl" or "")}
  parts[2] = ("\n\tloaded_at %s  uid %d"):format(os.date("%Y-%m-%dT%H:%M:%S%z",
    math.floor(loaded)), info.created_by_uid)
  if tonumber(info.run_cnt) > 0 then
    parts[#parts + 1] = ("  run_time_ns %s  run_cnt %s"):format(number(info.run_time_ns),
      number(info.run_cnt))
  end
  parts[#parts + 1] = ("\n\txlated %dB  jited %dB"):format(info.xlated_prog_len,
    info.jited_prog_len)
  if info.map_ids and #info.map_ids > 0 then
    parts[#parts + 1] = "  map_ids " .. table.concat(info.map_ids, ",")
  end
  if info.btf_id and info.btf_id > 0 then
    parts[#parts + 1] = "  btf_id " .. info.btf_id
  end
  return table.concat(parts)
end

local function dump(args)
  local lbpf = require "lbpf"
  local fd = objects.find(lbpf.programs, args.object)
  local info = support.check(lbpf.prog_get_info_by_fd(fd, {xlated_prog_insns = true}))
  local bytes = support.check(info.xlated_prog_insns, "the kernel hides the instructions: "
    .. "this needs CAP_PERFMON and CAP_SYS_ADMIN, and kernel.kptr_restrict must not be 2")
  local lines = require "lbpf.trace.disassemble"(bytes, {})
  support.list(lines, args.json)
  return 0
end

function prog.run(args)
  if args.action == "dump" then
    return dump(args)
  end
  return objects.show(require("lbpf").programs, args, line)
end

return prog
