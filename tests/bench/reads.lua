-- Reads a variable COUNT times, for somebody who counts system calls.
local bench = require "bench"

local vars, sum = bench.load({counts = 1, table = 1}).vars, 0
for _ = 1, bench.count do
  sum = sum + vars.number
end
assert(sum == 7 * bench.count)
