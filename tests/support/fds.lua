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

--- Collects all garbage: what a finalizer lets go of falls to the next cycle, and LuaJIT's compiled
-- code keeps what it refers to.
function fds.settle()
  if jit then -- luacheck: globals jit
    jit.flush()
  end
  for _ = 1, 5 do
    collectgarbage()
  end
end

--- How many there are, once all that is garbage is gone: all, or those of what has OF in its name.
function fds.count(of)
  fds.settle()
  local n = 0
  for _, target in pairs(fds.list()) do
    if target:find(of or "", 1, true) then
      n = n + 1
    end
  end
  return n
end

--- What the kernel's file about a descriptor says: {map_id = "7"}.
function fds.info(fd)
  local info = {}
  for line in io.lines("/proc/self/fdinfo/" .. (type(fd) == "number" and fd or fd:fileno())) do
    local key, value = line:match("^(%S+):%s*(.*)$")
    if key then
      info[key] = value
    end
  end
  return info
end

--- Opens a directory or special file: returns the file, and its descriptor.
function fds.open(path)
  local file, wanted = assert(io.open(path)), lfs.attributes(path)
  for number in pairs(fds.list()) do
    local open = lfs.attributes("/proc/self/fd/" .. number)
    if open and open.ino == wanted.ino and open.dev == wanted.dev then
      return file, number
    end
  end
  error("no descriptor of " .. path)
end

return fds
