-- Limits programs to a process or a cgroup: by a test before their text.

-- What stat(1) says of a file.
local function stat(format, path)
  local pipe = assert(io.popen(("stat -L -c '%s' -- '%s' 2>/dev/null")
    :format(format, path:gsub("'", "'\\''"))))
  local answer = pipe:read("*l")
  pipe:close()
  return answer
end

-- PROC_PID_INIT_INO: the inode of the PID namespace in which processes have the kernel's ids.
local INITIAL_NAMESPACE = "4026531836"

-- The current process's id as this process would see it, as an expression.
local function pid_here()
  local device, inode = (stat("%d %i", "/proc/self/ns/pid") or ""):match("(%d+) (%d+)")
  if not inode or inode == INITIAL_NAMESPACE then
    return "pid"
  end
  return ("nspid(%s, %s)"):format(device, inode)
end

--- The text of the test, which ends the program for other processes; "" if all are wanted.
-- @param own `pid`, as /proc has it here, and `cgroup`, a path; both may be nil
-- @return text; or nil and a message if there is no such cgroup
return function(own)
  local tests = {}
  if own.pid then
    tests[1] = ("if %s ~= %d then return end"):format(pid_here(), own.pid)
  end
  if own.cgroup then
    local id = stat("%i", own.cgroup) -- the cgroup's id
    if not id then
      return nil, ("cgroup '%s': there is none"):format(own.cgroup)
    end
    tests[#tests + 1] = ("if cgroup ~= %s then return end"):format(id)
  end
  return table.concat(tests, " ")
end
