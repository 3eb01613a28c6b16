-- What 42_compiled_iterators_spec runs in a process of its own: where nothing was compiled before,
-- and little is in memory, so that collections are fast.
local fds = require "fds"
local lbpf = require "lbpf"

-- How many descriptors there are after a collection; unlike fds.count(), with all traces left.
local function count()
  for _ = 1, 4 do
    collectgarbage()
  end
  local n = 0
  for _ in pairs(fds.list()) do
    n = n + 1
  end
  return n
end

-- So many lives of an object; in each the same loops are compiled.
local function live(life)
  local before
  for i = 1, 60 do
    life()
    local now = count()
    before = before or i == 10 and now
  end
  assert(count() <= before + 2, "descriptors are left")
end

local function load(name)
  local object = assert(lbpf.open("build/bpf/" .. name .. ".bpf.o"))
  for prog in object:each_program() do
    prog:set_autoload(false)
  end
  return assert(object:load())
end

local programs = {}

function programs.maps_to_the_end()
  live(function()
    local map = load("compiled").maps.u32
    map:update(1, 2)
    map:update(2, 3)
    for key, value in map:pairs() do
      assert(key + 1 == value)
    end
  end)
end

function programs.maps_left()
  live(function()
    local maps = load("compiled").maps
    for i = 1, 10 do
      maps.u32:update(i, 2)
    end
    for i = 1, 70 do -- a trace for each loop
      for _, value in maps.u32:pairs() do
        if value == 2 or i == 1 then
          break
        end
      end
      for _ in maps.per_cpu:pairs() do -- luacheck: ignore 512
        break
      end
    end
  end)
end

-- Loops over what VIEW makes of a map, which are left in their middle.
local function leave_long_loops(view)
  local function life(loop)
    local object = assert(assert(lbpf.open "build/bpf/maps.bpf.o"):load())
    local map, n = object.maps.lru_hash, 0
    for i = 1, 200 do
      map:update(i, i)
    end
    for _ in loop and view(map):pairs() or next, {} do
      n = n + 1
      if n == 150 then
        break
      end
    end
  end
  life(false)
  local before = count()
  for _ = 1, 5 do
    life(true)
  end
  assert(count() == before, "descriptors are left")
end

function programs.long_loops_left()
  leave_long_loops(function(map) return map end)
  leave_long_loops(function(map) return map:view {raw = true} end)
end

function programs.events()
  live(function()
    local object = assert(assert(lbpf.open("build/bpf/typed_events.bpf.o")):load())
    for _, opts in ipairs {{type = "struct opened", fields = {"pid"}}, {}} do
      local ring = assert(lbpf.ring_buffer(object.maps.events, nil, opts))
      for _ = 1, 70 do
        assert(object.progs.send:test_run {})
        for event in ring:events(0) do -- luacheck: ignore 512
          assert(event)
          break
        end
      end
      ring:close()
    end
  end)
end

return programs
