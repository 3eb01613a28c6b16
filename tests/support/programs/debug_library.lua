-- What 47_debug_library_spec runs in a process of its own.
local lbpf = require "lbpf"
local set = debug.setuservalue or debug.setfenv
local get = debug.getuservalue or debug.getfenv
local function load(name)
  local object = assert(lbpf.open("build/bpf/" .. name .. ".bpf.o"))
  return assert(object:load())
end
local function collect()
  for _ = 1, 3 do
    collectgarbage()
  end
  for _ = 1, 100 do -- over what was freed
    local _ = ("x"):rep(200) .. _
  end
end
local object = load("typed_events")

local programs = {}

function programs.metatables()
  local sender = load("orders")
  local made = {
    assert(lbpf.user_ring_buffer(sender.maps.orders)),
    assert(lbpf.perf_buffer(object.maps.perf, 1, print)),
    assert(lbpf.ring_buffer(object.maps.events, print)),
    assert(object.progs.send:attach_raw_tracepoint "sys_enter"),
  }
  made[5] = assert(made[1]:reserve(8))
  made[6] = assert(made[1]:reserve(8))
  made[2]:epoll_fd()
  made[3]:epoll_fd()
  for i = 1, 6 do
    debug.setmetatable(made[i], nil)
    made[i] = false
  end
  collect()
  lbpf.user_ring_buffer(sender.maps.orders)
  lbpf.perf_buffer(object.maps.perf, 1, print)
  lbpf.ring_buffer(object.maps.mixed, print)
  collect()
  assert(sender:close())
  assert(object:close())
end

-- The tables in an object's uservalue, each in its turn replaced by what is none.
function programs.parts()
  for _, part in ipairs {"links", "progs", "maps", "handlers", "vars"} do
    local broken = load("typed_events")
    pcall(broken.attach, broken)
    get(broken)[part] = 5
    for _, method in ipairs {"attach", "detach", "each_program", "close"} do
      pcall(broken[method], broken)
    end
  end
end

function programs.uservalues()
  local function use(value)
    local env = get(value)
    for key in pairs(type(env) == "table" and env or {}) do
      env[key] = nil
    end
    for _, name in ipairs {"find_map_by_name", "find_map_fd_by_name", "next_map", "each_map",
      "next_program", "each_program", "find_program_by_name", "attach", "stats", "poll",
      "consume", "next", "events", "lookup", "pairs", "submit", "send", "btf", "codec"} do
      pcall(function() return value[name](value, "events") end)
      pcall(function() return value[name](value, 0) end)
    end
    for _, name in ipairs {"maps", "progs", "vars", "links"} do
      pcall(function() return value[name].events end)
      pcall(function() value[name].lost = 1 end)
    end
  end
  for _, value in ipairs {5, {}, print, false} do
    local other = load("typed_events")
    local ring = assert(lbpf.ring_buffer(other.maps.events, print,
      {type = "struct opened", fields = {"pid"}}))
    for _, victim in ipairs {other, ring, other.progs.send, other.maps.events, other:btf(),
      other:codec "struct opened", other.vars} do
      pcall(set, victim, value or nil)
      use(victim)
    end
  end
  collect()
end

-- What a loop works with, each in its turn replaced; also in the function that Lua code for
-- structures calls. In LuaJIT it is a pointer of the FFI's, with which a script can do anything.
function programs.upvalues()
  local map
  local function replace(i, value)
    local step = map:pairs {reuse = true}
    local _, inner = debug.getupvalue(step, 1)
    step()
    debug.setupvalue(type(inner) == "function" and inner or step, i, value)
    pcall(step)
    pcall(step)
  end
  for file, name in pairs {compiled = "leaves", typed = "flows"} do
    map = load(file).maps[name]
    for n = 1, 3 do
      assert(map:update(name == "flows" and {port = n} or n, {}))
    end
    for i = 1, 8 do
      for _, value in ipairs {5, {}, print, false, io.stdout} do
        replace(i, value or nil)
      end
    end
  end
  collect()
end

function programs.finalizers()
  local ring
  local function finalize()
    if ring then
      local ok, message = pcall(debug.getmetatable(ring).__gc, ring)
      assert(not ok and message:find "only the collector")
      ring = nil
      collect()
    end
  end
  ring = assert(lbpf.ring_buffer(object.maps.events, finalize))
  for _ = 1, 6 do
    object.progs.send:test_run {}
  end
  assert(ring:consume() == 6)
  ring = assert(lbpf.perf_buffer(object.maps.perf, 1, finalize))
  for _ = 1, 6 do
    object.progs.send_perf:test_run {}
  end
  ring:consume()
  local map = load("compiled").maps.leaves
  local gc = debug.getmetatable(map).__gc
  pcall(map.update, map, 1, setmetatable({}, {__index = function()
    assert(not pcall(gc, map))
    assert(not pcall(coroutine.wrap(function() return gc(map) end)))
    collect()
  end}))
  assert(map:lookup(1) ~= false)
end

return programs
