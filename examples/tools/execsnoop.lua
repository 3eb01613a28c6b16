-- Programs that are started, with their whole arguments, and how they end: execsnoop.lua [-h]
local names = require "lbpf.names"
local text = require "lbpf.text"

-- The arguments are one piece of memory, with a zero byte after each; it is sent in parts. The
-- environment follows, and then the page may end, and with it the stack: the last part begins
-- early enough.
local exec = [[
  local mm = curtask.mm
  local at, stop = mm.arg_start, mm.arg_end
  started[pid] = nsecs
  while stop - at > 512 do
    emit("part", {pid = pid, data = buf(uptr(at), 512)})
    at = at + 512
  end
  local last = ((mm.env_end + 4095) & ~4095) - 512
  if at < last then
    last = at
  end
  emit("exec", {pid = pid, ppid = curtask.real_parent.tgid, uid = uid, comm = comm,
    first = at - last, length = stop - at, data = buf(uptr(last), 512)}) ]]

local exit = [[
  local since = started[pid]
  if since and pid == tid then
    local code = curtask.exit_code
    emit("exit", {pid = pid, ppid = curtask.real_parent.tgid, uid = uid, comm = comm,
      code = code >> 8 & 255, signal = code & 127, ns = nsecs - since})
    started[pid] = nil
  end ]]

local parts = {} -- of arguments, by pid

require "lbpf.tool" {
  name = "execsnoop",
  about = "Programs that are started, with their whole arguments, and how they end.",
  columns = {
    {"time", 8}, {"event", 5}, {"pid", -7}, {"ppid", -7}, {"uid", -5}, {"comm", 16},
    {"status", -7}, {"ns", -9, title = "DURATION", show = text.duration}, {"args"},
  },
  programs = {["tp/sched/sched_process_exec"] = exec, ["tp/sched/sched_process_exit"] = exit},
  rows = {
    part = function(row)
      parts[row.pid] = (parts[row.pid] or "") .. row.data
    end,
    exec = function(row)
      local all = (parts[row.pid] or "") .. row.data:sub(row.first + 1, row.first + row.length)
      parts[row.pid] = nil
      row.event = "exec"
      row.args = all:gsub("%z$", ""):gsub("%z", " "):gsub("%c", "?")
      return row
    end,
    exit = function(row)
      row.event = "exit"
      row.status = row.signal > 0 and names.signal(row.signal) or row.code
      return row
    end,
  },
}
