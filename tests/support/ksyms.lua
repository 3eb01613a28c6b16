--- The kernel's functions.
local ksyms = {}

local addresses

-- Text symbols' addresses, 16 hex digits, by name; of several with one name, any.
local function read()
  addresses = {}
  for line in io.lines("/proc/kallsyms") do
    local address, name = line:match("^(%x+) [tT] (%S+)$")
    if address then
      addresses[name] = ("0"):rep(16 - #address) .. address
    end
  end
end

--- A function's address as 16 hex digits.
function ksyms.address(name)
  if not addresses then
    read()
  end
  return addresses[name] or error("no function " .. name)
end

--- The function behind a system call, "__x64_sys_nanosleep".
function ksyms.syscall(name)
  for _, prefix in ipairs({"__x64_sys_", "__arm64_sys_"}) do
    if pcall(ksyms.address, prefix .. name) then
      return prefix .. name
    end
  end
  error("no system call " .. name)
end

local function lines(path)
  local names = {}
  for line in io.lines("/sys/kernel/tracing/" .. path) do
    names[#names + 1] = line:match("^%S+")
  end
  return names
end

--- How many functions the kernel traces at the moment.
function ksyms.traced()
  return #lines("enabled_functions")
end

--- How many functions with names that match a Lua pattern it can trace.
function ksyms.traceable(pattern)
  local n = 0
  for _, name in ipairs(lines("available_filter_functions")) do
    n = n + (name:find(pattern) and 1 or 0)
  end
  return n
end

return ksyms
