--- This process's open descriptors.
local lfs = require "lfs"

local fds = {}

--- What each refers to, by its number; without the one that this reads them through.
function fds.list()
  local list = {}
  for name in lfs.dir("/proc/self/fd") do
    list[tonumber(name) or name] = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
  end
  list["."], list[".."] = nil, nil
  return list
end

--- How many there are, once all that is garbage is gone.
function fds.count()
  collectgarbage()
  collectgarbage()
  local n = 0
  for _ in pairs(fds.list()) do
    n = n + 1
  end
  return n
end

return fds
