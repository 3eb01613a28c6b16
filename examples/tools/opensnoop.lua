-- Files that are opened, with the descriptor or the error: opensnoop.lua [-h]
local names = require "lbpf.names"

local enter = [[ filename[tid] = args.filename ]]
local exit = [[
  local name = filename[tid]
  if name then
    emit("row", {pid = pid, comm = comm, ret = args.ret, path = str(name, 255)})
    filename[tid] = nil
  end ]]

require "lbpf.tool" {
  name = "opensnoop",
  about = "Files that are opened, with the descriptor or the error.",
  options = function(parser)
    parser:flag("-x --failed", "Only what could not be opened.")
  end,
  columns = {
    {"time", 8}, {"pid", -7}, {"comm", 16}, {"fd", -4}, {"error", 8}, {"path"},
  },
  programs = {
    ["tp/syscalls/sys_enter_open, tp/syscalls/sys_enter_openat"] = enter,
    ["tp/syscalls/sys_exit_open, tp/syscalls/sys_exit_openat"] = exit,
  },
  rows = {
    row = function(row, args)
      if row.ret < 0 then
        row.error = names.errno(row.ret)
      elseif args.failed then
        return nil
      else
        row.fd = row.ret
      end
      return row
    end,
  },
}
