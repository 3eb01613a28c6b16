-- What the kernel tells about programs, maps, links and BTF: by id, by descriptor, one by one.

local lbpf = require "lbpf"
local insns = require "insns"
local bytes = require "bytes"
local child = require "child"
local fds = require "fds"
local needs = require "needs"
local u32 = bytes.u32

local ENOENT, EPERM = 2, 1

local function program(kind, opts)
  return assert(lbpf.prog_load(kind, "asked_about", "GPL", insns.returns(0), opts))
end

local function exact(n)
  return type(n) == "number" and n or tonumber((tostring(n):gsub("U?LL$", "")))
end

describe("prog_get_info_by_fd", function()
  it("agrees with the kernel's other accounts", needs("root", function()
    local map = assert(lbpf.map_create("array", nil, 4, 4, 1))
    local prog = assert(lbpf.prog_load("socket_filter", "asked_about", "GPL",
      insns.ld_map(1, map:fileno()) .. insns.returns(0)))
    local info = assert(lbpf.prog_get_info_by_fd(prog))
    local file = fds.info(prog)
    assert.equal("socket_filter", info.type)
    assert.equal("asked_about", info.name)
    assert.equal(file.prog_id, tostring(info.id))
    assert.equal(file.prog_tag, info.tag)
    assert.equal(tostring(file.verified_insns), tostring(info.verified_insns))
    assert.is_true(info.gpl_compatible)
    assert.equal(0, info.created_by_uid)
    assert.equal(32, info.xlated_prog_len)
    assert.equal(1, info.nr_map_ids)
    assert.same({lbpf.map_get_info_by_fd(map).id}, info.map_ids)
    assert.is_nil(info.xlated_prog_insns)
    local uptime = tonumber(io.open("/proc/uptime"):read("*l"):match("^%S+"))
    local age = uptime - exact(info.load_time) / 1e9
    assert.is_true(age > -1 and age < 60)
  end))

  it("gives the arrays asked for", needs("root", function()
    local prog = program("socket_filter")
    local info = assert(lbpf.prog_get_info_by_fd(prog, {
      xlated_prog_insns = true, prog_tags = true, map_ids = false, jited_func_lens = true,
    }))
    assert.equal(insns.returns(0), info.xlated_prog_insns)
    assert.same({info.tag}, info.prog_tags)
    assert.is_nil(info.map_ids)
    assert.equal(info.nr_jited_func_lens, #info.jited_func_lens)
  end))

  it("knows lines and functions of a compiled program", needs("root", function()
    local object = assert(lbpf.open("build/bpf/testrun.bpf.o")):load()
    local info = assert(lbpf.prog_get_info_by_fd(object.progs.count,
      {func_info = true, line_info = true}))
    assert.equal("count", info.name)
    assert.equal(info.nr_func_info * info.func_info_rec_size, #info.func_info)
    assert.equal(info.nr_line_info * info.line_info_rec_size, #info.line_info)
    assert.is_true(info.nr_line_info > 0)
    assert.is_true(info.btf_id > 0)
    object:close()
  end))

  it("refuses what is not a program", needs("root", function()
    local map = assert(lbpf.map_create("array", nil, 4, 4, 1))
    local ok, message = pcall(lbpf.prog_get_info_by_fd, map)
    assert.is_false(ok)
    assert.matches("#1 .*descriptor %d+ is not a bpf%-prog, but 'bpf%-map'", message)
    ok, message = pcall(lbpf.prog_get_info_by_fd, program("xdp"), {insns = true})
    assert.is_false(ok)
    assert.matches("#2 .*unknown option 'insns'; expected one of: map_ids, ", message)
  end))

  it("counts runs while statistics are enabled", needs("root", function()
    local object = assert(lbpf.open("build/bpf/testrun.bpf.o")):load()
    local function runs()
      return exact(lbpf.prog_get_info_by_fd(object.progs.count).run_cnt)
    end
    local link = assert(lbpf.raw_tracepoint_open("sys_enter", program("raw_tracepoint")))
    local before = exact(lbpf.prog_get_info_by_fd(
      assert(lbpf.prog_get_fd_by_id(lbpf.link_get_info_by_fd(link).prog_id))).run_cnt)
    local stats = assert(lbpf.enable_stats())
    os.execute("true")
    local info = lbpf.prog_get_info_by_fd(
      assert(lbpf.prog_get_fd_by_id(lbpf.link_get_info_by_fd(link).prog_id)))
    assert.is_true(exact(info.run_cnt) > before)
    assert.is_true(exact(info.run_time_ns) > 0)
    stats:close()
    assert.equal(0, runs())
    object:close()
  end))
end)

describe("map_get_info_by_fd", function()
  it("agrees with the kernel's other accounts", needs("root", function()
    local map = assert(lbpf.map_create("lru_hash", "asked_about", 8, 16, 64))
    local info, file = lbpf.map_get_info_by_fd(map), fds.info(map)
    assert.equal("lru_hash", info.type)
    assert.equal("asked_about", info.name)
    assert.same({8, 16, 64, 0}, {info.key_size, info.value_size, info.max_entries, info.map_flags})
    assert.equal(file.map_id, tostring(info.id))
    assert.equal(0, info.btf_id)
  end))
end)

describe("btf_get_info_by_fd", function()
  it("knows the kernel's own", needs({"root", "btf", "BTF of the kernel by id"}, function()
    local info = assert(lbpf.btf_get_info_by_fd(assert(lbpf.btf_get_fd_by_id(1))))
    assert.equal("vmlinux", info.name)
    assert.is_true(info.kernel_btf)
    assert.is_nil(info.btf)
    local file = assert(io.open("/sys/kernel/btf/vmlinux"))
    assert.equal(file:seek("end"), info.btf_size)
    file:close()
  end))
end)

describe("obj_get_info_by_fd", function()
  it("finds out what the descriptor is", needs("root", function()
    local function kind(fd)
      return select(2, lbpf.obj_get_info_by_fd(fd))
    end
    local prog = program("raw_tracepoint")
    assert.equal("prog", kind(prog))
    assert.equal("link", kind(assert(lbpf.raw_tracepoint_open("sched_switch", prog))))
    assert.equal("map", kind(assert(lbpf.map_create("array", nil, 4, 4, 1))))
    local types = assert(lbpf.btf_new_empty())
    types:add_int("int", 4)
    assert(types:load_into_kernel())
    assert.equal("btf", kind(types:fd()))
    local ok, message = pcall(lbpf.obj_get_info_by_fd, 0)
    assert.is_false(ok)
    assert.matches("descriptor 0 is not a BPF object", message)
    ok, message = pcall(lbpf.obj_get_info_by_fd, 54321)
    assert.is_false(ok)
    assert.matches("descriptor 54321 is not a BPF object, but 'not open'", message)
  end))
end)

describe("ids", function()
  it("lead to the object, and on to the next", needs("root", function()
    local map = assert(lbpf.map_create("array", nil, 4, 4, 1))
    local id = lbpf.map_get_info_by_fd(map).id
    assert.equal(id, lbpf.map_get_next_id(id - 1))
    local again = assert(lbpf.map_get_fd_by_id(id))
    assert(lbpf.map_update(again, u32(0), u32(5)))
    assert.equal(u32(5), lbpf.map_lookup(map, u32(0)))
    assert.equal(1, select("#", lbpf.map_get_next_id(2147483646)))
    assert.is_nil(lbpf.map_get_next_id(2147483646))
    local first = lbpf.prog_get_next_id()
    assert.equal(first, lbpf.prog_get_next_id(0))
    assert.is_nil(lbpf.link_get_next_id(2147483646))
  end))

  it("begin with the kernel's own BTF", needs({"root", "BTF of the kernel by id"}, function()
    assert.equal(1, lbpf.btf_get_next_id())
    assert.is_true((lbpf.btf_get_next_id(1) or 2) > 1)
  end))

  it("open a map to be read only", needs("root", function()
    local map = assert(lbpf.map_create("array", nil, 4, 4, 1))
    local reader = assert(lbpf.map_get_fd_by_id(lbpf.map_get_info_by_fd(map).id, {open_flags = 8}))
    assert.equal(u32(0), lbpf.map_lookup(reader, u32(0)))
    assert.equal(EPERM, select(3, lbpf.map_update(reader, u32(0), u32(5))))
  end))

  it("of nothing are an error that names them", needs("root", function()
    for _, kind in ipairs({"prog", "map", "link", "btf"}) do
      local fd, message, errno = lbpf[kind .. "_get_fd_by_id"](4000000000)
      assert.is_nil(fd)
      assert.equal(("%s_get_fd_by_id: %s 4000000000: No such file or directory (ENOENT)")
        :format(kind, kind), message)
      assert.equal(ENOENT, errno)
    end
    assert.has_error(function() lbpf.prog_get_fd_by_id(-1) end,
      "bad argument #1 to 'prog_get_fd_by_id' (-1 is not in 0 to 4294967295)")
  end))
end)

describe("for loops", function()
  local function find(iterator, id)
    local found, fd
    local last = 0
    for info, descriptor in iterator() do
      assert.is_true(info.id > last)
      last = info.id
      if info.id == id then
        found, fd = info, descriptor
      end
    end
    return found, fd
  end

  it("visit every program, map, link and BTF", needs("root", function()
    local object = assert(lbpf.open("build/bpf/testrun.bpf.o")):load()
    local prog = program("raw_tracepoint")
    local link = assert(lbpf.raw_tracepoint_open("sched_switch", prog))
    local info = lbpf.prog_get_info_by_fd(object.progs.count)
    local found, fd = find(lbpf.programs, info.id)
    assert.equal("count", found.name)
    assert.equal(info.tag, found.tag)
    assert.equal(0, lbpf.prog_test_run(fd, {data_in = ("\0"):rep(14)}).retval)
    assert.equal(1, tonumber(object.maps.counts:lookup(1)))
    assert.equal("btf", select(2, lbpf.obj_get_info_by_fd(select(2, find(lbpf.btfs, info.btf_id)))))
    found, fd = find(lbpf.maps, lbpf.map_get_info_by_fd(object.maps.counts).id)
    assert.equal("counts", found.name)
    assert(lbpf.map_update(fd, u32(1), bytes.u64(2)))
    found = find(lbpf.links, lbpf.link_get_info_by_fd(link).id)
    assert.equal("sched_switch", found.raw_tracepoint.tp_name)
    object:close()
  end))

  it("give descriptors that can be closed, and are collected", needs("root", function()
    local before = fds.count()
    local kept = assert(lbpf.map_create("array", nil, 4, 4, 1))
    for _, fd in lbpf.maps() do
      fd:close()
    end
    assert.equal(before + 1, fds.count())
    for _ in lbpf.maps() do -- luacheck: ignore 542
    end
    assert.equal(before + 1, fds.count())
    kept:close()
  end))

  it("visit more than the process may open", needs("root", function()
    local output = child.run([[
      local lbpf = require "lbpf"
      local inner = assert(lbpf.map_create("array", nil, 4, 4, 1))
      local outer = assert(lbpf.map_create("array_of_maps", nil, 4, 4, 100, {inner_map_fd = inner}))
      local u32 = require("bytes").u32
      for i = 0, 99 do
        local map = assert(lbpf.map_create("array", "one_of_100", 4, 4, 1))
        assert(lbpf.map_update(outer, u32(i), u32(map:fileno())))
        map:close()
      end
      local n = 0
      for map in lbpf.maps() do
        n = n + (map.name == "one_of_100" and 1 or 0)
      end
      print(n)
    ]], [[sh -c 'ulimit -n 30; exec "$@"' sh]])
    assert.equal("100\n", output)
  end))

  it("raise what the kernel refuses", needs("root", function()
    local output = child.run([[
      local lbpf = require "lbpf"
      print(pcall(function() for _ in lbpf.programs() do end end))
    ]], "setpriv --bounding-set=-all --inh-caps=-all")
    assert.matches("^false\t.*prog_get_next_id: Operation not permitted %(EPERM%); "
      .. "this needs CAP_SYS_ADMIN",
      output)
  end))
end)
