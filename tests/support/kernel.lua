--- Integers as bytes, and what the kernel's files tell about this process.
local lfs = require "lfs"
local pack = string.pack or require("compat53.string").pack
local unpack_bytes = string.unpack or require("compat53.string").unpack

local kernel = {}

function kernel.u32(n)
  return pack("<I4", n)
end

function kernel.u64(n)
  return pack("<I8", n)
end

--- The first little-endian integer of so many bytes.
function kernel.int(bytes, size)
  return (unpack_bytes("<I" .. size, bytes))
end

--- How many descriptors are open, once garbage is gone.
function kernel.fds()
  collectgarbage()
  collectgarbage()
  local n = 0
  for _ in lfs.dir("/proc/self/fd") do
    n = n + 1
  end
  return n
end

--- The lines of /proc/self/fdinfo/FD as a table: {map_id = "7"}.
function kernel.fdinfo(fd)
  local info = {}
  for line in io.lines("/proc/self/fdinfo/" .. (type(fd) == "number" and fd or fd:fileno())) do
    local key, value = line:match("^(%S+):%s*(.*)$")
    if key then
      info[key] = value
    end
  end
  return info
end

--- Opens a directory or special file, and returns the file and its descriptor.
function kernel.open(path)
  local file = assert(io.open(path))
  for name in lfs.dir("/proc/self/fd") do
    local open = lfs.attributes("/proc/self/fd/" .. name)
    local wanted = lfs.attributes(path)
    if tonumber(name) and open and open.ino == wanted.ino and open.dev == wanted.dev then
      return file, tonumber(name)
    end
  end
  error("no descriptor for " .. path)
end

--- A name in the BPF file system that no one else has.
function kernel.pin_path()
  return "/sys/fs/bpf/" .. os.tmpname():match("[^/]+$")
end

local function start(script, prefix)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  return path, ("exec %s %s %s 2>&1"):format(prefix or "", os.getenv("LBPF_LUA"), path)
end

--- What a script prints in a process of its own, standard error included.
-- @param prefix a command that runs it: "unshare --net"
function kernel.run(script, prefix)
  local path, command = start(script, prefix)
  local pipe = assert(io.popen(command))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(path)
  return output
end

--- Starts a script that goes on until the returned function is called; waits for its first line.
function kernel.background(script)
  local path, command = start([[
    io.stdout:setvbuf("line")
    print(io.open("/proc/self/stat"):read("*l"):match("^%d+"))
  ]] .. script)
  local pipe = assert(io.popen(command))
  local pid = pipe:read("*l")
  local first = pipe:read("*l")
  os.remove(path)
  assert(first == "ready", first)
  return function()
    os.execute("kill " .. pid)
    pipe:close()
  end
end

return kernel
