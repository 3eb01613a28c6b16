-- Signals that are sent by kill(2): killsnoop.lua [-h]
local names = require "lbpf.names"

require "lbpf.tool" {
  name = "killsnoop",
  about = "Signals that are sent by kill(2).",
  columns = {
    {"time", 8}, {"pid", -7}, {"comm", 16}, {"signal", 9, show = names.signal},
    {"target", -7}, {"error", 8, show = names.errno},
  },
  programs = {
    ["tp/syscalls/sys_enter_kill"] = [[
      target[tid] = args.pid
      signal[tid] = args.sig ]],

    ["tp/syscalls/sys_exit_kill"] = [[
      local to, number = target[tid], signal[tid]
      if to and number then
        emit("row", {pid = pid, comm = comm, signal = number, target = to, error = args.ret})
        target[tid] = nil
        signal[tid] = nil
      end ]],
  },
}
