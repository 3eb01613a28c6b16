-- LuaJIT's own fault, without lbpf: an allocation fails while compiled code runs. LuaJIT
-- 2.1.0-beta3 of Debian 12 ends with SIGSEGV; one of 2026 raises the error.
--
--     build/luajit/faults tests/faults/luajit_memory.lua
local faults = _G.faults -- see tests/embed/faults.c

local function work()
  local all = {}
  for i = 1, 100 do
    all[#all + 1] = {i, {}}
    all["k" .. i] = i .. "x"
  end
  return all
end

for _ = 1, 100 do -- it is compiled
  work()
end
for i = 1, 20000 do
  faults.arm("lua", i % 400 + 1, 12, i % 2 == 0)
  pcall(work)
  faults.disarm()
end
print "survived"
