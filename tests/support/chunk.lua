--- Compiles a chunk with its own globals, in every Lua.
return function(source, name, env)
  if setfenv then -- luacheck: globals setfenv loadstring
    return setfenv(assert(loadstring(source, name)), env)
  end
  return assert(load(source, name, "t", env))
end
