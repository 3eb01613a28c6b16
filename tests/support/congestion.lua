--- The congestion controls that the kernel knows.
local congestion = {}

--- Is "lbpf", that of tests/bpf/struct_ops.h, among them?
function congestion.is_registered()
  local file = assert(io.open("/proc/sys/net/ipv4/tcp_available_congestion_control"))
  local names = file:read("*l")
  file:close()
  return (" " .. names .. " "):find(" lbpf ", 1, true) ~= nil
end

return congestion
