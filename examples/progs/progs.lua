-- The BPF programs in the kernel, as `bpftool prog show` lists them.
--
--   progs.lua [NAME]    all, or those whose name matches a pattern

local lbpf = require "lbpf"

local function count(n) -- 64 bits are cdata in LuaJIT
  return ("%.0f"):format(tonumber(n))
end

for prog, fd in lbpf.programs() do
  if prog.name:find(arg[1] or "") then
    print(("%d: %s  name %s  tag %s%s"):format(prog.id, prog.type, prog.name, prog.tag,
      prog.gpl_compatible and "  gpl" or ""))
    local loaded = os.time() - tonumber(io.open("/proc/uptime"):read("*n"))
      + tonumber(prog.load_time) / 1e9
    print(("\tloaded_at %s  uid %d%s"):format(os.date("%Y-%m-%dT%H:%M:%S%z", math.floor(loaded)),
      prog.created_by_uid, tonumber(prog.run_cnt) == 0 and ""
      or ("  run_time_ns %s  run_cnt %s"):format(count(prog.run_time_ns), count(prog.run_cnt))))
    print(("\txlated %dB  jited %dB%s%s"):format(prog.xlated_prog_len, prog.jited_prog_len,
      prog.btf_id > 0 and "  btf_id " .. prog.btf_id or "",
      #prog.map_ids > 0 and "  map_ids " .. table.concat(prog.map_ids, ",") or ""))
  end
  fd:close()
end
