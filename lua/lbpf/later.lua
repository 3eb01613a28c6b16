-- A module that is a function, loaded on its first call. If it cannot be loaded, for example
-- because the process may not read files any more, false is returned, and C does all the work.
return function(name)
  local fn
  return function(...)
    if fn == nil then
      local ok, module = pcall(require, name)
      fn = ok and module
    end
    return fn and fn(...)
  end
end
