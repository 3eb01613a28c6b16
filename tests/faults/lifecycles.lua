--- Short lives of everything that lbpf makes: each function makes, uses and drops some, and raises
-- what it is refused. What fails in the middle is left to the collector.
local lbpf = require "lbpf"
local needs = require "needs"

local lifecycles = {}

local OBJECTS = "build/bpf/"

local function use() end

local function load(name)
  return assert(assert(lbpf.open(OBJECTS .. name .. ".bpf.o")):load())
end

-- Types that the file has, without loading it.
local function types(name)
  return assert(lbpf.btf_parse_elf(OBJECTS .. name .. ".bpf.o"))
end

function lifecycles.object()
  local object = assert(lbpf.open(OBJECTS .. "programs.bpf.o", {kernel_log_size = 4096}))
  for prog in object:each_program() do
    prog:set_autoload(false)
    use(prog:name(), prog:section_name(), prog:type(), prog:insns(), prog:flags())
  end
  for map in object:each_map() do
    use(map:name(), map:type(), map:max_entries(), map:pin_path())
  end
  assert(object:load())
  use(object:kernel_log(), object:name(), object.progs, object.maps, tostring(object))
  object:close()
end

function lifecycles.refused()
  assert(not lbpf.open("/dev/null"))
  local object = assert(lbpf.open(OBJECTS .. "rejected.bpf.o"))
  assert(not object:load())
  object:close()
end

function lifecycles.maps()
  local maps = load("compiled").maps
  for i = 1, 3 do
    assert(maps.u32:update(i, i))
    assert(maps.u32:lookup(i) == i)
  end
  local n = 0
  for key, value in maps.u32:pairs() do
    n = n + 1
    assert(key == value)
  end
  assert(n == 3)
  assert(maps.u32:delete(1))
  for _ in maps.leaves:view({raw = true}):pairs() do
    n = n + 1
  end
  for _ in maps.per_cpu:pairs() do
    n = n + 1
  end
  local map = assert(lbpf.map_create("hash", "h", 4, 8, 8))
  assert(lbpf.map_update(map, "abcd", "12345678"))
  assert(lbpf.map_lookup(map, "abcd") == "12345678")
  map:close()
end

function lifecycles.variables()
  local object = assert(lbpf.open(OBJECTS .. "typed_events.bpf.o"))
  object.vars.n = 5
  assert(object:load())
  object.vars.n = 7
  assert(tonumber(object.vars.n) == 7)
  local _ = object.vars.order
  object.vars.order = {kind = 1, result = -3}
  object:close()
end

function lifecycles.ring()
  local object = load("typed_events")
  local seen = 0
  local ring = assert(lbpf.ring_buffer(object.maps.events, function()
    seen = seen + 1
  end, {type = "struct opened", fields = {"pid", "comm"}}))
  ring:epoll_fd()
  for _ = 1, 3 do
    assert(object.progs.send:test_run {})
  end
  assert(ring:poll(0))
  assert(seen == 3)
  assert(ring:add(object.maps.mixed, print, {type = function() return "struct closed" end}))
  local _ = ring:stats()
  ring:close()
  ring = assert(lbpf.ring_buffer(object.maps.events))
  assert(object.progs.send:test_run {})
  for event in ring:events(0) do
    assert(#event > 0)
  end
end

function lifecycles.perf()
  local object = load("typed_events")
  local buffer = assert(lbpf.perf_buffer(object.maps.perf, 1, function() end, nil,
    {type = "struct opened"}))
  assert(object.progs.send_perf:test_run {})
  assert(buffer:consume())
  buffer:epoll_fd()
  local event = assert(lbpf.perf_event_open({type = 1, config = 0, sample_period = 1000000}, 0))
  event:close()
end

function lifecycles.orders()
  local object = load("orders")
  local ring = assert(lbpf.user_ring_buffer(object.maps.orders, {type = "struct order"}))
  assert(ring:send {kind = 1, result = 2})
  local sample = assert(ring:reserve(8))
  sample:write("12345678")
  sample:submit()
  assert(ring:reserve(8)):discard()
  assert(ring:reserve(8))
  ring:close()
end

if not needs.met "user rings" then
  print "orders: left out, for this kernel has no user rings"
  lifecycles.orders = nil
end

function lifecycles.links()
  local object = load("typed_events")
  local link = assert(object.progs.send:attach_raw_tracepoint "sys_enter")
  use(link:info(), link:fd())
  link:destroy()
  assert(object:attach())
  object:detach()
  local path = "/sys/fs/bpf/faults"
  os.remove(path)
  assert(object.maps.events:pin(path))
  local fd = lbpf.obj_get(path)
  os.remove(path)
  assert(fd):close()
end

function lifecycles.handlers()
  local ids = {}
  for _, sec in ipairs {"abc", "raw_tp+"} do
    ids[#ids + 1] = lbpf.register_prog_handler(sec, "raw_tracepoint", nil, {
      prog_setup_fn = function() end,
      prog_prepare_load_fn = function() end,
      prog_attach_fn = function(prog) return prog:attach_raw_tracepoint "sys_enter" end,
    })
  end
  local done, problem = pcall(function()
    local object = assert(lbpf.open(OBJECTS .. "handlers.bpf.o"))
    for prog in object:each_program() do
      prog:set_autoload(prog:name() == "abc1" or prog:name() == "raw1")
    end
    assert(object:load())
    assert(object.progs.abc1:attach())
    object:close()
  end)
  for _, id in ipairs(ids) do
    lbpf.unregister_prog_handler(id)
  end
  assert(done, problem)
end

function lifecycles.types()
  local btf = types "typed_events"
  for t in btf:each_type() do
    use(t.name, btf:resolve_size(t.id))
  end
  local text = {}
  btf:dump_c(function(part) text[#text + 1] = part end)
  local codec = assert(btf:codec("struct opened"))
  local value = codec:decode(("\1"):rep(codec:size()))
  value.pid = 7
  assert(#codec:encode(value) == codec:size())
  local copy = assert(lbpf.btf_new(btf:raw_data()))
  assert(copy:add_int("faults", 4, "signed"))
  assert(copy:add_struct("s", 4))
  assert(copy:dedup())
  copy:close()
  local dump = lbpf.btf_dump(btf)
  dump:emit_type_decl(1)
  dump:close()
end

function lifecycles.linking()
  local path = os.tmpname()
  local linker = assert(lbpf.linker(path))
  local done, problem = pcall(function()
    assert(linker:add_file(OBJECTS .. "link_main.bpf.o"))
    assert(linker:add_file(OBJECTS .. "link_other.bpf.o"))
    assert(linker:finalize())
  end)
  linker:close()
  os.remove(path)
  assert(done, problem)
end

function lifecycles.ids()
  local object = load("typed_events")
  local id = assert(lbpf.prog_get_info_by_fd(object.progs.send)).id
  local fd = assert(lbpf.prog_get_fd_by_id(id))
  local _ = lbpf.obj_get_info_by_fd(fd)
  fd:close()
  for map in lbpf.maps() do
    assert(map.id)
  end
  assert(lbpf.probe_bpf_prog_type "xdp")
  use(lbpf.find_vmlinux_btf_id("vfs_read", "trace_fentry"))
  local stats = lbpf.enable_stats and lbpf.enable_stats "run_time"
  if stats then
    stats:close()
  end
end

function lifecycles.poller()
  local object = load("typed_events")
  local ring = assert(lbpf.ring_buffer(object.maps.events, function() end))
  local poller = assert(lbpf.poller())
  assert(poller:add(ring:epoll_fd()))
  assert(poller:catch {"USR1"})
  assert(poller:wait(0))
  poller:close()
end

function lifecycles.pinned()
  local pinned = require "lbpf.pinned"
  local dir = "/sys/fs/bpf/faults-dir"
  local object, message = pinned.load(OBJECTS .. "maps.bpf.o", {pin = dir})
  if object then
    object:close()
  end
  assert(object, message)
  assert(pinned.remove(dir))
end

function lifecycles.names()
  local symbols = lbpf.kallsyms()
  if symbols then
    lbpf.ksym(0)
  end
  local _ = lbpf.elf_symbols("build/helpers/probe_me")
  assert(lbpf.spawn {"true"})
end

function lifecycles.written()
  local btf = assert(lbpf.btf_new_empty())
  assert(btf:add_int("int", 4, "signed"))
  btf:close()
end

return lifecycles
