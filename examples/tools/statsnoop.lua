-- stat(2) and its relatives, with the error: statsnoop.lua [-h]
local names = require "lbpf.names"

local enter = [[ filename[tid] = args.filename ]]
-- With AT_EMPTY_PATH it is about a descriptor, as that of fstat(3).
local enter_at = "if args.%s & 0x1000 == 0 then" .. enter .. "end"
local exit = [[
  local name = filename[tid]
  if name then
    emit("row", {pid = pid, comm = comm, error = args.ret, path = str(name, 255)})
    filename[tid] = nil
  end ]]

require "lbpf.tool" {
  name = "statsnoop",
  about = "stat(2) and its relatives, with the error.",
  columns = {
    {"time", 8}, {"pid", -7}, {"comm", 16}, {"error", 8, show = names.errno}, {"path"},
  },
  programs = {
    ["tp/syscalls/sys_enter_statfs"] = [[ filename[tid] = args.pathname ]],
    ["tp/syscalls/sys_enter_newstat, tp/syscalls/sys_enter_newlstat"] = enter,
    ["tp/syscalls/sys_enter_newfstatat"] = enter_at:format "flag",
    ["tp/syscalls/sys_enter_statx"] = enter_at:format "flags",

    ["tp/syscalls/sys_exit_statfs, tp/syscalls/sys_exit_statx,"
      .. "tp/syscalls/sys_exit_newfstatat, tp/syscalls/sys_exit_newstat,"
      .. "tp/syscalls/sys_exit_newlstat"] = exit,
  },
}
