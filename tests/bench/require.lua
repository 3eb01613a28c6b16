-- How long `require "lbpf"` takes, in a process that has just started.
local system = require "system"

local start = system.monotime()
require "lbpf"
print(("require\t%.2f\t0"):format((system.monotime() - start) * 1e9))
