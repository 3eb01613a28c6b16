--- Processes that a spec starts, and the one that it is in.
local child = {}

--- This process's id.
function child.pid()
  return tonumber(io.open("/proc/self/stat"):read("*l"):match("^%d+"))
end

--- Did the shell's command succeed? In every Lua.
function child.succeeds(command)
  local first, _, status = os.execute(command)
  return (status or first) == 0
end

--- What a command prints on both its outputs, and its exit status.
function child.output(command)
  local pipe = io.popen("(" .. command .. ") 2>&1; echo \" $?\"")
  local text = pipe:read("*a")
  pipe:close()
  local out, status = text:match("^(.*) (%d+)\n$")
  return out, tonumber(status)
end

local probed = {}
probed.__index = probed

--- Starts build/helpers/probe_me: a process to be probed, with fields pid, path and offset.
function child.probe_me()
  local self = setmetatable({path = "build/helpers/probe_me"}, probed)
  local fifo = os.tmpname()
  os.remove(fifo)
  assert(child.succeeds("mkfifo " .. fifo))
  self.answers = assert(io.popen("exec " .. self.path .. " <" .. fifo))
  self.requests = assert(io.open(fifo, "w"))
  os.remove(fifo)
  self.pid, self.offset = self.answers:read("*l"):match("(%d+) (%d+)")
  self.pid, self.offset = tonumber(self.pid), tonumber(self.offset)
  return self
end

--- Has it do something, "add 1", and returns its answer once that is done.
function probed:call(request)
  self.requests:write(request, "\n")
  self.requests:flush()
  return assert(self.answers:read("*l"))
end

function probed:stop()
  self.requests:close()
  self.answers:close()
end

return child
