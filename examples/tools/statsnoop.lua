-- stat(2) and its relatives, with the error: statsnoop.lua [-h]
local names = require "lbpf.names"

local enter = [[ filename[tid] = args.filename ]]
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
    ["tp/syscalls/sys_enter_statx, tp/syscalls/sys_enter_newfstatat,"
      .. "tp/syscalls/sys_enter_newstat, tp/syscalls/sys_enter_newlstat"] = enter,

    ["tp/syscalls/sys_exit_statfs, tp/syscalls/sys_exit_statx,"
      .. "tp/syscalls/sys_exit_newfstatat, tp/syscalls/sys_exit_newstat,"
      .. "tp/syscalls/sys_exit_newlstat"] = exit,
  },
}
