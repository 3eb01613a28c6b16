-- System calls that write files' contents to disks: syncsnoop.lua [-h]
require "lbpf.tool" {
  name = "syncsnoop",
  about = "System calls that write files' contents to disks.",
  columns = {{"time", 8}, {"pid", -7}, {"comm", 16}, {"call"}},
  programs = {
    ["tp/syscalls/sys_enter_sync, tp/syscalls/sys_enter_syncfs,"
      .. "tp/syscalls/sys_enter_fsync, tp/syscalls/sys_enter_fdatasync,"
      .. "tp/syscalls/sys_enter_sync_file_range*, tp/syscalls/sys_enter_msync"] =
      [[ emit("row", {pid = pid, comm = comm, call = probe}) ]],
  },
  rows = {
    row = function(row)
      row.call = row.call:match("sys_enter_(.*)")
      return row
    end,
  },
}
