-- Generated scripts that misuse everything they can reach, each as its seed says: hostile.lua
--
--   hostile.lua SECONDS [SEED]     batches of scripts, a child process each
--   hostile.lua one SEED           one script; with HOSTILE_TELL=1 it says what it calls
--   hostile.lua batch SEED FILE    (the child) notes in FILE its seed, and how many calls it made
--
-- A script makes some of everything, and then calls methods at random: those in the metatables of
-- what it has, and the functions of the module, so that new ones are called, too. What comes back
-- is used, as well. Functions, finalizers and hooks that it hands over do the same.
local SCRIPTS, CALLS = tonumber(os.getenv "HOSTILE_SCRIPTS") or 20, 2000

local seed_state

-- An integer from 1 to n: the same on every Lua for the same seed.
local function random(n)
  seed_state = seed_state * 16807 % 2147483647
  return seed_state % n + 1
end

local function pick(list)
  return list[random(#list)]
end

-- What is not called: it would wait for ever, start programs, or reach what other processes have.
local SKIPPED = {run = true, spawn = true, prog_get_fd_by_id = true, map_get_fd_by_id = true,
  link_get_fd_by_id = true, btf_get_fd_by_id = true, traceback = true, set_layout_reader = true,
  set_map_methods = true, compile = true, trace = true, raise_memlock = true, monotonic = true,
  iter_create = true,
  -- the kernel's types: minutes to deduplicate or print
  btf_load_vmlinux_btf = true, btf_load_module_btf = true, btf_load_from_kernel_by_id = true,
  btf_load_from_kernel_by_id_split = true, kallsyms = true, find_vmlinux_btf_id = true}

-- The first arguments of what may wait.
local PATIENCE = {poll = {0}, wait = {0}, next = {0}, events = {0}, consume = {}, consume_n = {3},
  reserve_blocking = {8, 0}, read = {16}}

-- Where a large number would take the kernel's memory.
local SIZES = {map_create = true, set_max_entries = true, set_value_size = true,
  set_key_size = true, perf_buffer = true, perf_buffer_raw = true, test_run = true,
  set_map_extra = true, prog_test_run = true, set_type = true}

local top = assert(os.getenv "HOSTILE_TOP")
local lbpf, tell, pool, depth, calls, dir, images

local function values()
  return {nil, true, false, 0, 1, -1, 2, 4, 7, 8, 255, 4096, "", "x", "events", "struct opened",
    "abcd", ("\0"):rep(8), ("\1"):rep(64), dir .. "/file", dir .. "/none/file", "sys_enter",
    "raw_tp/sys_enter", "hash", "ringbuf", "pid", "n", "order", "lo", type, io.stdout}
end

local NUMBERS = {2 ^ 16, 2 ^ 31 - 1, 2 ^ 31, 2 ^ 32 - 1, 2 ^ 32, 2 ^ 53, -2 ^ 31, -2 ^ 63, 2 ^ 63,
  1.5, 1 / 0, -1 / 0, 0 / 0}
local KEYS = {1, 2, 3, "type", "fields", "raw", "flags", "numbers", "bytes", "enum_names", "btf",
  "cookie", "key", "value", "pid", "comm", "at", "kind", "result", "prog_setup_fn",
  "prog_prepare_load_fn", "prog_attach_fn", "__index", "__gc", "__len"}
local plain

local step

local function keep(...)
  for i = 1, math.min(select("#", ...), 4) do
    local value = select(i, ...)
    local kind = type(value)
    if kind == "userdata" or kind == "function" or kind == "thread" then
      pool[#pool % 60 + 1] = value
    end
  end
end

-- A function that does more of the same, and then returns something or raises it.
local function callback()
  local n, result, raises = random(3), random(4), random(6) == 1
  return function(...)
    if depth < 3 then
      depth = depth + 1
      keep(...)
      for _ = 1, n do
        step()
      end
      depth = depth - 1
    end
    if raises then
      error(result == 1 and {} or "of a callback", 0)
    end
    return result == 2 and 0 or result == 3 or nil
  end
end

local function argument(sizes)
  local kind = random(sizes and 9 or 10)
  if kind <= 3 and #pool > 0 then
    return pick(pool)
  elseif kind == 4 then
    return callback()
  elseif kind == 5 then
    local t = {}
    for _ = 1, random(4) - 1 do
      t[pick(KEYS)] = argument(true)
    end
    if random(4) == 1 then
      setmetatable(t, {__index = callback(), __newindex = callback(), __gc = callback(),
        __len = callback(), __pairs = callback()})
    end
    return t
  elseif kind == 10 then
    return pick(NUMBERS)
  end
  return plain[random(plain.n)]
end

-- The names of a value's methods, in an order that does not depend on hashes.
local methods_of = {}
local function methods(value)
  local meta = debug.getmetatable(value)
  if not meta or type(meta) ~= "table" then
    return nil
  end
  if not methods_of[meta] then
    local names = {}
    local function add(t)
      for name, fn in pairs(type(t) == "table" and t or {}) do
        if type(name) == "string" and type(fn) == "function" and not SKIPPED[name] then
          names[#names + 1] = name
        end
      end
    end
    add(meta)
    local index = rawget(meta, "__index")
    add(index)
    if type(index) == "function" then
      for i = 1, 3 do
        local _, up = debug.getupvalue(index, i)
        add(up)
      end
    end
    table.sort(names)
    methods_of[meta] = names
  end
  return methods_of[meta], meta
end
if jit then -- in LuaJIT 2.1.0-beta3 a compiled pairs() may go on for ever
  jit.off(methods, true)
end

local function call(name, fn, ...)
  calls = calls + 1
  if tell then
    local parts = {}
    for i = 1, select("#", ...) do
      parts[i] = tostring((select(i, ...)))
    end
    io.stderr:write(("%s%s(%s)\n"):format((" "):rep(depth), name, table.concat(parts, ", ")))
  end
  keep(select(2, pcall(fn, ...)))
end

local unpack = table.unpack or unpack -- luacheck: ignore 113

local function arguments(name, first)
  local args, n = {}, 0
  if first ~= nil then
    n = 1
    args[1] = first
  end
  for _, value in ipairs(PATIENCE[name] or {}) do
    n = n + 1
    args[n] = value
  end
  for _ = 1, PATIENCE[name] and 0 or random(6) - 1 do
    n = n + 1
    args[n] = argument(SIZES[name])
  end
  return args, n
end

local function call_method()
  local value = #pool > 0 and pick(pool)
  if type(value) == "function" then
    return call("function", value, unpack(arguments("next"), 1, 1))
  end
  local names, meta = methods(value)
  if not names or #names == 0 then
    return
  end
  local name = pick(names)
  local fn = rawget(meta, name)
  if not fn then
    local ok, found = pcall(function() return value[name] end)
    fn = ok and type(found) == "function" and found
  end
  if fn then
    local args, n = arguments(name, random(20) == 1 and argument() or value)
    call(name, fn, unpack(args, 1, n))
  end
end

local function call_function()
  local name = pick(lbpf.names)
  local args, n = arguments(name)
  call("lbpf." .. name, lbpf.module[name], unpack(args, 1, n))
end

local function index_something()
  local value, key = #pool > 0 and pick(pool), argument()
  if random(2) == 1 then
    call("index", function() return value[key] end)
  else
    local new = argument()
    call("assign", function() value[key] = new end)
  end
end

local odd = {
  function() collectgarbage() end,
  function() collectgarbage("step", 1) end,
  function() -- in a coroutine, which may be left
    local co = coroutine.create(function()
      step()
      coroutine.yield()
      step()
    end)
    coroutine.resume(co)
    if random(2) == 1 then
      coroutine.resume(co)
    end
  end,
  function() -- a finalizer
    local fn = callback()
    if newproxy then -- luacheck: globals newproxy
      local raises = not jit.version:find "beta" -- see luajit_finalizer.lua
      debug.getmetatable(newproxy(true)).__gc = raises and fn or function() pcall(fn) end
    else
      setmetatable({}, {__gc = fn})
    end
  end,
  function() -- a hook, which may raise while lbpf is called
    local fn = callback()
    debug.sethook(function()
      local info = debug.getinfo(2, "Sf")
      if info and info.what == "C" and info.func ~= pcall and info.func ~= debug.sethook
        and random(4) == 1 then
        fn()
      end
    end, pick {"c", "r", "cr"})
    pcall(step)
    debug.sethook()
  end,
  function() -- what is used is forgotten
    if #pool > 0 then
      pool[random(#pool)] = type
    end
  end,
  function()
    local value = #pool > 0 and pick(pool)
    call("close", function() return value:close() end)
  end,
}

-- With the debug library; not in every script, for little works after that.
local function victim()
  for _ = 1, 20 do
    local value = pick(pool)
    if type(value) == "userdata" and value ~= io.stdout then
      return value
    end
  end
  error "none"
end

local odder = {
  function() debug.setmetatable(victim(), nil) end,
  function() (debug.setuservalue or debug.setfenv)(victim(), pick {{}, type, 5, false}) end,
  function()
    local value = victim()
    debug.getmetatable(value).__gc(value)
  end,
  function() (debug.getuservalue or debug.getfenv)(victim())[pick(KEYS)] = argument() end,
}

local uses_debug
local left = 0 -- steps of this script: callbacks that call back would never end

function step()
  left = left - 1
  if left < 0 then
    return
  end
  local kind = random(100)
  if kind <= 60 then
    call_method()
  elseif kind <= 75 then
    call_function()
  elseif kind <= 82 then
    index_something()
  elseif kind <= 98 or not uses_debug then
    pcall(pick(odd))
  else
    pcall(pick(odder))
  end
end

-- Some of everything, as far as it can be had.
local function populate()
  local function add(...)
    keep(...)
    return ...
  end
  local core = lbpf.module
  local object = add(core.open_mem(images.typed_events))
  local other = add(core.open_mem(images.compiled))
  local sender = add(core.open_mem(images.orders))
  if random(4) == 1 then
    return
  end
  for prog in other:each_program() do
    prog:set_autoload(false)
  end
  if object:load() and other:load() then
    add(object.progs.send, object.maps.events, object.maps.perf)
    add(other.maps.u32, other.maps.leaves, other.maps.per_cpu, object.vars)
    pcall(function()
      local counts = add(core.aggregate {by = {"comm", "outcome"}, sum = "time", hist = "pid"})
      if random(3) == 1 then
        add(core.ring_buffer(object.maps.events, counts, {type = "struct opened"}))
      else
        add(core.ring_buffer(object.maps.events, random(2) == 1 and callback() or nil,
          random(2) == 1 and {type = "struct opened", fields = {"pid", "comm"}} or nil))
      end
      add(core.perf_buffer(object.maps.perf, 1, callback()))
      for _ = 1, 5 do
        object.progs.send:test_run {}
        object.progs.send_perf:test_run {}
      end
      other.maps.u32:update(1, 2)
      add(other.maps.u32:pairs())
      add(other.maps.u32:view {raw = true})
      add(object.progs.send:attach_raw_tracepoint "sys_enter")
    end)
    pcall(function()
      assert(sender:load())
      add(sender.progs.drain, sender.maps.orders)
      add(add(core.user_ring_buffer(sender.maps.orders)):reserve(8))
    end)
  end
  local btf = add(object:btf())
  add(btf:codec "struct opened")
  add(core.btf_dump(btf))
  add(core.poller())
  add(core.linker(dir .. "/linked"))
  add(core.map_create("hash", "h", 4, 4, 4))
  add(core.btf_new_empty())
  add(core.elf_symbols(top .. "/build/helpers/probe_me"))
end

local function script(seed)
  seed_state = seed % 2147483646 + 1
  for _ = 1, 5 do
    random(2)
  end
  pool, depth, left = {}, 0, 2 * CALLS
  uses_debug = random(5) == 1
  plain = values()
  plain.n = 31
  populate()
  for _ = 1, CALLS do
    depth = 0
    pcall(step)
  end
  lbpf.module.set_print(nil)
  pool, left = {}, 0
  for _ = 1, 3 do -- so that the next script does not depend on this one
    collectgarbage()
  end
end

local function prepare()
  lbpf = {module = {}, names = {}}
  for name, fn in pairs(require "lbpf") do
    if type(fn) == "function" and not SKIPPED[name] then
      lbpf.names[#lbpf.names + 1] = name
      lbpf.module[name] = fn
    end
  end
  lbpf.module.set_print = require "lbpf".set_print
  table.sort(lbpf.names)
  images = {}
  for _, name in ipairs {"typed_events", "compiled", "orders"} do
    local file = assert(io.open(top .. "/build/bpf/" .. name .. ".bpf.o", "rb"))
    images[name] = file:read("*a")
    file:close()
  end
  dir = assert(os.getenv "HOSTILE_DIR")
  tell = os.getenv "HOSTILE_TELL"
  calls = 0
end

local function batch(first, path)
  prepare()
  for seed = first, first + SCRIPTS - 1 do
    local file = assert(io.open(path, "w"))
    file:write(("%d %d\n"):format(seed, calls))
    file:close()
    pcall(script, seed) -- a hook may raise anywhere
    debug.sethook()
    lbpf.module.set_print(nil)
  end
  local file = assert(io.open(path, "w"))
  file:write(("%d %d\n"):format(first + SCRIPTS, calls))
  file:close()
end

-- Runs a batch in a child; whether it came to its end, at which seed it was, and how many calls.
-- What loops for ever is ended by its CPU time, and what waits for ever by the clock: a batch takes
-- some seconds, but on a busy machine many minutes may pass.
local function run_batch(first, path)
  local command = "ulimit -S -t 120; "
    .. "timeout -s KILL 3600 %s %s/tests/hostile/hostile.lua batch %d %s 2>&1; "
    .. "echo status $?; times"
  local pipe = assert(io.popen(command:format(os.getenv("LBPF_LUA"), top, first, path)))
  local output = pipe:read("*a")
  pipe:close()
  local file = assert(io.open(path))
  local seed, done = file:read("*n", "*n")
  file:close()
  local said, status, user, system = output:match("(.-)status (%d+)\n[^\n]*\n(%S+) (%S+)\n$")
  if status ~= "0" then
    print(("seed %s: status %s, after %s of user and %s of system time\n%s"):format(tostring(seed),
      status, user, system, said:sub(-2000)))
  end
  return status == "0", seed or first, done or 0
end

if arg[1] == "batch" then
  batch(tonumber(arg[2]), arg[3])
elseif arg[1] == "one" then
  prepare()
  pcall(script, tonumber(arg[2]))
else
  local finish, seed = os.time() + tonumber(arg[1]), tonumber(arg[2] or os.time() % 2 ^ 20 * 1000)
  local path = os.getenv "HOSTILE_DIR" .. "/seed"
  local first, scripts, failures, total = seed, 0, 0, 0
  io.stdout:setvbuf "line"
  print(("first seed %d"):format(first))
  while os.time() < finish do
    local ok, at, done = run_batch(seed, path)
    failures = failures + (ok and 0 or 1)
    scripts, total = scripts + at - seed, total + done
    seed = ok and at or at + 1
  end
  print(("%d scripts, %d calls, %d crashes"):format(scripts, total, failures))
  os.exit(failures == 0 and 0 or 1)
end
