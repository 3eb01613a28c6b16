-- LuaJIT's own fault, without lbpf: a finalizer raises while compiled code runs. LuaJIT
-- 2.1.0-beta3 of Debian 12 ends with SIGSEGV in its unwinder; one of 2026 tells of the error, and
-- goes on.
for _ = 1, 20000 do
  pcall(function()
    debug.getmetatable(newproxy(true)).__gc = function() -- luacheck: globals newproxy
      error("of a finalizer", 0)
    end
    local list = {}
    for i = 1, 200 do
      list[i] = {i}
    end
    return list
  end)
end
print "survived"
