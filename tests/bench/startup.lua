-- Opening, loading and attaching an object, with lbpf.
local bench = require "bench"
local lbpf = require "lbpf"
local system = require "system"

for _ = 1, bench.count do
  local start = bench.now()
  local object = assert(lbpf.open(bench.path))
  assert(object:load())
  assert(object:attach())
  local elapsed, n = bench.now() - start, 0
  for _ in object:each_program() do
    n = n + 1
  end
  bench.report("open, load, attach", elapsed, n, 1)
  object:close()
  system.sleep(0.05) -- what the kernel puts off shall be done by then
end
