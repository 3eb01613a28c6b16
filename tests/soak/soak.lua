-- Lives of everything that lbpf makes (tests/faults/lifecycles.lua), over and over
--
--   soak.lua SECONDS    nine tenths of the time in this process: descriptors and blocks of memory
--                       must stay as many as after a tenth of the time; the rest in children that
--                       are killed at random points, after each of which everything must work
--   soak.lua lives      (the child) without end
local fds = require "fds"
local lbpf = require "lbpf"
local lifecycles = require "lifecycles"
local pinned = require "lbpf.pinned"

local faults = _G.faults -- see tests/embed/faults.c
local LUA = os.getenv "LBPF_LUA"
local PINS = "/sys/fs/bpf"

local names = {}
for name in pairs(lifecycles) do
  names[#names + 1] = name
end
table.sort(names)

-- Another process detaches what is attached, and removes what is pinned; a disk is full.
local function others(script)
  local file = assert(io.popen(LUA .. " - 2>&1", "w"))
  file:write(script)
  file:close()
end

local function detached()
  local object = assert(assert(lbpf.open "build/bpf/typed_events.bpf.o"):load())
  local link = assert(object.progs.send:attach_raw_tracepoint "sys_enter")
  assert(object.maps.events:pin(PINS .. "/others"))
  others(([[
    local lbpf = require "lbpf"
    local link = assert(lbpf.link_get_fd_by_id(%d))
    lbpf.link_detach(link)
    assert(os.remove "%s/others")
  ]]):format(assert(link:info()).id, PINS))
  assert(not lbpf.obj_get(PINS .. "/others"))
  pcall(link.info, link)
  assert(not object.maps.events:unpin(PINS .. "/others"))
  object:detach()
  link:destroy()
  object:close()
end

local function full_disk()
  local filled = assert(io.open("/run/filled", "w"))
  repeat
    local written = filled:write(("x"):rep(4096)) and filled:flush()
  until not written
  filled:close()
  local linker = lbpf.linker "/run/linked"
  if linker then
    assert(linker:add_file "build/bpf/link_main.bpf.o")
    assert(not linker:finalize())
    linker:close()
  end
  os.remove "/run/linked"
  os.remove "/run/filled"
end

local function cycle()
  for _, name in ipairs(names) do
    local done, problem = pcall(lifecycles[name])
    if not done then
      error(name .. ": " .. tostring(problem), 0)
    end
  end
end

local function resident()
  fds.settle()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmRSS:%s*(%d+)"
    if kilobytes then
      return tonumber(kilobytes)
    end
  end
end

-- For so many seconds. Returns whether nothing grew.
local function live(seconds)
  local start, cycles = os.time(), 0
  local memory, files, blocks
  while os.time() - start < seconds do
    cycle()
    cycles = cycles + 1
    if cycles % 16 == 1 then
      detached()
      full_disk()
    end
    if not memory and os.time() - start >= seconds / 10 then
      memory, files, blocks = resident(), fds.count(), faults.live()
    end
  end
  local more, open, lost = resident() - memory, fds.count() - files, faults.live() - blocks
  print(("%d cycles of %d lives in %d s: %d descriptors, %d blocks, %d KiB more"):format(cycles,
    #names, os.time() - start, open, lost, more))
  return open <= 0 and lost <= 8
end

-- The kernel may have put something there, too.
local function list_pins()
  local list = assert(lbpf.pins(PINS))
  table.sort(list)
  return table.concat(list, " ")
end

-- Kills children for so many seconds. What they leave is taken over or removed by the next one.
local function kill(seconds)
  local start, kills, before = os.time(), 0, list_pins()
  math.randomseed(start)
  while os.time() - start < seconds do
    os.execute(("timeout -s KILL %.3f %s tests/soak/soak.lua lives >/dev/null 2>&1"):format(
      0.05 + 3 * math.random(), LUA))
    kills = kills + 1
    cycle()
    assert(pinned.remove(PINS .. "/faults-dir"))
    assert(list_pins() == before, "left in " .. PINS .. ": " .. list_pins())
  end
  print(("%d processes killed"):format(kills))
end

local mode = ...
if mode == "lives" then
  while true do
    cycle()
  end
end
io.stdout:setvbuf "line"
local seconds = tonumber(mode)
local flat = live(seconds * 9 / 10)
kill(seconds / 10)
os.exit(flat and 0 or 1)
