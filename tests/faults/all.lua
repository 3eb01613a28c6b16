-- Has the n-th call fail, for each n, in each of the lifecycles
--
--     all.lua SHARE SEED [LIFECYCLE [WHAT]]
--
-- Only one of SHARE calls, which the seed selects, if SHARE is more than 1. Prints what leaked or
-- did not work afterwards, and how much was tried.
local fds = require "fds"
local lifecycles = require "lifecycles"
local pinned = require "lbpf.pinned"

local faults = _G.faults -- see tests/embed/faults.c
local share, seed, only, kind = tonumber((...)), tonumber((select(2, ...))), select(3, ...)

local ERRORS = {EPERM = 1, EINTR = 4, E2BIG = 7, EAGAIN = 11, ENOMEM = 12, EMFILE = 24}
local ERROR_NAMES = {"EPERM", "ENOMEM", "EMFILE", "EINTR", "EAGAIN", "E2BIG"}
local LEFT = 8 -- blocks that may be kept over a whole row of failures: caches

-- The same on every Lua.
local state = seed % 2147483646 + 1
local function chosen()
  state = state * 16807 % 2147483647
  return state % share == 0
end

-- Does compiled code crash when an allocation fails? See luajit_memory.lua.
local fragile = jit and jit.version == "LuaJIT 2.1.0-beta3"

local failures, tried, runs = 0, 0, 0

local function complain(...)
  failures = failures + 1
  print(("%s: "):format(os.date "%H:%M:%S") .. string.format(...))
end

local function descriptors()
  fds.settle()
  local n = 0
  for _ in pairs(fds.list()) do
    n = n + 1
  end
  return n
end

local function works(fn, where)
  local done, problem = pcall(fn)
  if not done then
    complain("%s: the next try fails: %s", where, tostring(problem))
  end
end

-- How many calls there are to fail.
local function count(fn, what)
  faults.arm(what, 0)
  pcall(fn)
  return (faults.disarm())
end

local function row(name, fn, what, error_name, always)
  if kind and what ~= kind then
    return
  end
  if fragile then
    jit[what == "lua" and "off" or "on"]()
  end
  local total = count(fn, what)
  local before, live = descriptors(), faults.live()
  for n = 1, total do
    if share == 1 or chosen() then
      local where = ("%s: %s %d of %d, %s%s"):format(name, what, n, total, error_name,
        always and " from there on" or "")
      if os.getenv "FAULTS_TELL" then
        io.stderr:write(where, "\n")
      end
      faults.arm(what, n, ERRORS[error_name], always)
      local done = pcall(fn)
      local _, failed = faults.disarm()
      tried, runs = tried + (failed and 1 or 0), runs + 1
      if not done and name == "pinned" then
        pinned.remove("/sys/fs/bpf/faults-dir")
      end
      local now = descriptors()
      if now ~= before then
        complain("%s (%s): %d descriptors more", where, tostring(failed), now - before)
        before = now
      end
      if runs % 16 == 0 then
        works(fn, where)
      end
    end
  end
  works(fn, name)
  descriptors()
  if faults.live() > live + LEFT then
    complain("%s: %s, %s%s: %d blocks more", name, what, error_name,
      always and " from there on" or "", faults.live() - live)
  end
end

local names = {}
for name in pairs(lifecycles) do
  names[#names + 1] = name
end
table.sort(names)
for _, name in ipairs(names) do
  if not only or only == name then
    local fn = lifecycles[name]
    for _ = 1, 3 do -- caches are filled, traces are compiled
      works(fn, name)
    end
    row(name, fn, "lua", "ENOMEM", false)
    row(name, fn, "lua", "ENOMEM", true)
    row(name, fn, "malloc", "ENOMEM", false)
    row(name, fn, "malloc", "ENOMEM", true)
    for _, error_name in ipairs(ERROR_NAMES) do
      row(name, fn, "call", error_name, false)
      if error_name ~= "EINTR" then -- who is interrupted for ever tries for ever
        row(name, fn, "call", error_name, true)
      end
    end
    print(name, tried .. " failed so far")
    io.stdout:flush()
  end
end
print(("%d calls failed, %d problems"):format(tried, failures))
if failures > 0 then
  error("", 0)
end
