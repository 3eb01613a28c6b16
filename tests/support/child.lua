--- Processes that a spec starts, and the one that it is in.
local insns = require "insns"
local lbpf = require "lbpf"

local child = {}

--- This process's id.
function child.pid()
  local file = assert(io.open("/proc/self/stat"))
  local pid = file:read("*l"):match("^%d+")
  file:close() -- the collector may be slower than a loop
  return tonumber(pid)
end

local GET_CURRENT_PID_TGID = 14
local kernel_pids = {} -- by pid, as fork() changes both

--- This process's id as BPF programs see it: another number than pid() in a PID namespace, as
-- containers are.
function child.kernel_pid()
  local pid = child.pid()
  if not kernel_pids[pid] then
    local prog = assert(lbpf.prog_load("raw_tracepoint", nil, "GPL",
      insns.call(GET_CURRENT_PID_TGID) .. insns.shift_right(0, 32) .. insns.exit()))
    kernel_pids[pid] = assert(lbpf.prog_test_run(prog)).retval
    prog:close()
  end
  return kernel_pids[pid]
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

--- What a command prints, as a list of lines.
function child.lines(command)
  local list = {}
  for line in child.output(command):gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  return list
end

--- Calls FN until it is true.
function child.wait_until(fn)
  local start = os.time()
  while not fn() do
    if os.time() - start > 20 then
      error("has not come true in 20 s", 2)
    end
  end
end

--- Starts this Lua on a script. `answers` reads its output, whose first line is its pid.
function child.lua(script)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write('print(io.open("/proc/self/stat"):read("*l"):match("^%d+")) io.stdout:flush()\n')
  file:write(script)
  file:close()
  local answers = assert(io.popen(("exec timeout -s KILL 60 %s %s 2>&1"):format(
    os.getenv("LBPF_LUA"), path)))
  local pid = tonumber(answers:read("*l"))
  os.remove(path)
  return {pid = pid, answers = answers}
end

--- What a script prints in a process of its own, standard error included; and its exit status.
-- @param prefix a command that runs it: "unshare --net"
function child.run(script, prefix)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  local output, status = child.output(("%s %s %s"):format(prefix or "", os.getenv("LBPF_LUA"),
    path))
  os.remove(path)
  return output, status
end

-- epoll_wait and epoll_pwait of x86-64, epoll_pwait of the newer architectures
local EPOLL = {["232"] = true, ["281"] = true, ["22"] = true}

local function first_word(pid, name)
  local file = assert(io.open("/proc/" .. pid .. "/" .. name))
  local text = file:read("*a"):gsub("^%d+ %(.*%) ", "") -- stat's first are pid and name
  file:close()
  return text:match("^%w+")
end

--- Returns once the process waits for events.
function child.wait_for_epoll(pid)
  child.wait_until(function() return EPOLL[first_word(pid, "syscall")] end)
end

-- The processor time that it has used, in ticks.
local function ticks(pid)
  local file = assert(io.open("/proc/" .. pid .. "/stat"))
  local text = file:read("*a")
  file:close()
  local user, system = text:match("%) %a" .. (" %-?%d+"):rep(10) .. " (%d+) (%d+)")
  return user + system
end

--- Returns once the process has used a tenth of a second of processor time from now on.
function child.wait_for_load(pid)
  local before = ticks(pid)
  child.wait_until(function() return ticks(pid) >= before + 10 end)
end

--- Returns once the process is stopped.
function child.wait_for_stop(pid)
  child.wait_until(function() return first_word(pid, "stat") == "T" end)
end

local probed = {}

function probed:__index(name)
  if name == "kernel_pid" then
    self.kernel_pid = tonumber(self:call("kernel_pid"))
  end
  return rawget(self, name) or probed[name]
end

--- Starts build/helpers/probe_me: a process to be probed, with fields pid, path and offset, and
-- kernel_pid, as kernel_pid() is.
function child.probe_me()
  local self = setmetatable({path = "build/helpers/probe_me"}, probed)
  local fifo = os.tmpname()
  os.remove(fifo)
  assert(child.succeeds("mkfifo " .. fifo))
  -- A process that popen() starts later holds no copy of what popen() opened: this one sees the end
  -- of its input even if a spec that failed never stopped it, and the collector does.
  self.requests = assert(io.popen("exec " .. self.path .. " >" .. fifo, "w"))
  self.answers = assert(io.open(fifo))
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

--- Ends it.
function probed:stop()
  self.requests:close()
  self.answers:close()
end

return child
