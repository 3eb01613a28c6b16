-- New processes in each second: pidpersec.lua [-h]
require "lbpf.tool" {
  name = "pidpersec",
  about = "New processes in each second.",
  columns = {{"time", 8}, {"processes", -9}},
  programs = {["tp/sched/sched_process_fork"] = [[ n = (n or 0) + 1 ]]},
  start = function(tracer, _, out)
    local before = 0
    return {[1] = function()
      local row = tracer:rows("n")[1]
      local now = row and row.value or 0
      out:row {processes = now - before}
      before = now
    end}
  end,
}
