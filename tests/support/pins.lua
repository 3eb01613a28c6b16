--- Names in the BPF file system.
local child = require "child"

local pins, n = {}, 0

--- A path that nobody else has.
function pins.path()
  n = n + 1
  return ("/sys/fs/bpf/lbpf_%d_%d"):format(child.pid(), n)
end

return pins
