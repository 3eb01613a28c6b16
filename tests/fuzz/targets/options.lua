-- Tables of options, with keys and values from the input.
local lbpf = require "lbpf.core"

local keys = {"object_name", "relaxed_maps", "kconfig", "pin_root_path", "btf_custom_path",
  "kernel_log_level", "map_flags", "map_extra", "numa_node", "btf_fd", "flags", "type", "config",
  "sample_period", "wakeup_events", "expected_attach_type", "attach_btf_id", "log_level", "fields"}

return function(data)
  local t, at = {}, 1
  while at + 2 <= #data do
    local key, kind, length = data:byte(at, at + 2)
    local text = data:sub(at + 3, at + 2 + length % 16)
    local value = text
    if kind % 4 == 1 then
      value = #text == 8 and string.unpack("d", text) or length
    elseif kind % 4 == 2 then
      value = {text, length}
    elseif kind % 4 == 3 then
      value = length % 2 == 0
    end
    t[keys[key % (#keys + 2) + 1] or text] = value
    at = at + 3 + length % 16
  end
  pcall(lbpf.open, "build/bpf/nameless.bpf.o", t)
  pcall(lbpf.prog_load, "socket_filter", nil, "GPL", "", t)
  pcall(lbpf.perf_event_open, t, -2)
  if not t.map_extra then
    pcall(lbpf.map_create, "array", "a", 4, 4, 1, t)
  end
end
