-- Processes that change their users: setuids.lua [-h]
local names = require "lbpf.names"

local exit = [[
  local was, to = before[tid], new[tid]
  if was and to then
    emit("row", {pid = pid, comm = comm, uid = was, call = "%s", new = to, error = args.ret})
    before[tid] = nil
  end ]]

require "lbpf.tool" {
  name = "setuids",
  about = "Processes that change their users.",
  columns = {
    {"time", 8}, {"pid", -7}, {"comm", 16}, {"uid", -6}, {"call", 9}, {"new", -6},
    {"effective", -9}, {"saved", -6}, {"error", 8, show = names.errno},
  },
  programs = {
    ["tp/syscalls/sys_enter_setuid, tp/syscalls/sys_enter_setfsuid"] = [[
      before[tid] = uid
      new[tid] = args.uid ]],

    ["tp/syscalls/sys_enter_setresuid"] = [[
      before[tid] = uid
      new[tid] = args.ruid
      effective[tid] = args.euid
      saved[tid] = args.suid ]],

    ["tp/syscalls/sys_exit_setuid"] = exit:format "setuid",

    -- It returns the user before, never an error.
    ["tp/syscalls/sys_exit_setfsuid"] = exit:format("setfsuid"):gsub("args.ret", "0"),

    ["tp/syscalls/sys_exit_setresuid"] = [[
      local was, to = before[tid], new[tid]
      if was and to then
        emit("row", {pid = pid, comm = comm, uid = was, call = "setresuid", new = to,
          effective = effective[tid], saved = saved[tid], error = args.ret})
        before[tid] = nil
      end ]],
  },
}
