--- Finalizers that run where a spec wants them: at some allocation of the code that is tested.

local garbage = {}

--- Leaves something behind whose finalizer is FN.
function garbage.drop(fn)
  if newproxy then -- Lua 5.1 has no __gc of tables
    getmetatable(newproxy(true)).__gc = fn
  else
    setmetatable({}, {__gc = fn})
  end
end

--- Calls FN while collections come now here, now there. LuaJIT interprets it, for compiled code
-- runs no finalizers.
function garbage.collecting(fn)
  if jit then
    jit.off()
  end
  collectgarbage("setpause", 101)
  collectgarbage("setstepmul", 1e6)
  local ok, message = pcall(fn)
  collectgarbage "restart"
  collectgarbage("setpause", 200)
  collectgarbage("setstepmul", 200)
  if jit then
    jit.on()
  end
  assert(ok, message)
end

return garbage
