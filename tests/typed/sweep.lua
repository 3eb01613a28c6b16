-- Compares what lbpf makes of structures with what a C compiler does, and prints the numbers:
-- sweep.lua kernel | random [COUNT] [SEED]
local compare = require "compare"

local what, count, seed = arg[1], tonumber(arg[2]), tonumber(arg[3] or 1)
local compiler, clang = os.getenv "CC" or "cc", os.getenv "CLANG" or "clang"

local failed = false

local function report(name, state)
  print(("%s: %d types with %d values: %d comparisons, %d differences"):format(name,
    state.structs, state.leaves, state.checks, state.differences))
  failed = failed or state.differences > 0
end

if what ~= "random" then
  report("the kernel's types", compare.kernel {compiler = compiler, most = count})
  report("all of them, read and written", compare.written())
end
if what ~= "kernel" then
  report("layouts", compare.random(count or 1000, seed, {compiler = compiler}))
  report("the same as clang's BTF", compare.random(count or 1000, seed, {compiler = compiler,
    clang = clang}))
end
os.exit(not failed)
