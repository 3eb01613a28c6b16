-- What messages tell about what to do next.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"
local process = require "process"

local function compiled(source, options)
  local dir = os.tmpname()
  os.remove(dir)
  assert(child.succeeds("mkdir " .. dir))
  local file = assert(io.open(dir .. "/x.bpf.c", "w"))
  file:write("#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
    .. 'char LICENSE[] SEC("license") = "GPL";\n', source)
  file:close()
  assert(child.succeeds(("clang --target=bpf -O2 %s -I/usr/include/$(uname -m)-linux-gnu "
    .. "-c %s/x.bpf.c -o %s/x.bpf.o"):format(options, dir, dir)))
  file = assert(io.open(dir .. "/x.bpf.o", "rb"))
  local bytes = file:read("*a")
  file:close()
  child.succeeds("rm -r " .. dir)
  return bytes
end

local function message(...)
  local result, text = ...
  assert.is_nil(result)
  return text:match("^[^\n]*")
end

describe("a message", function()
  it("says that an object was compiled without -g", needs("clang", function()
    local bytes = compiled([[struct { __uint(type, BPF_MAP_TYPE_ARRAY); } map SEC(".maps");]], "")
    assert.equal("open 'memory': No such file or directory (ENOENT); the object has no BTF: "
      .. "compile it with clang -g", message(lbpf.open_mem(bytes)))
  end))

  it("names the nearest SEC() of one that libbpf does not know", needs({"root", "clang"}, function()
    local bytes = compiled([[SEC("kprob/vfs_read") int p(void *ctx) { return 0; }]], "-g")
    local object = assert(lbpf.open_mem(bytes))
    assert.equal("load 'memory': Invalid argument (EINVAL); libbpf knows no SEC(\"kprob/vfs_read\")"
      .. ": near it are kprobe, uprobe; lbpf.register_prog_handler() teaches it others",
      message(object:load()))
    bytes = compiled([[SEC("my_own_thing") int p(void *ctx) { return 0; }]], "-g")
    assert.equal("load 'memory': Invalid argument (EINVAL); libbpf knows no SEC(\"my_own_thing\")"
      .. "; lbpf.register_prog_handler() teaches it others",
      message(assert(lbpf.open_mem(bytes)):load()))
  end))

  it("says that a SEC() is a newer libbpf's", needs("root", function()
    local object = assert(lbpf.open("build/bpf/netfilter.bpf.o"))
    if lbpf.major_version() == 1 and lbpf.minor_version() < 3 then
      assert.equal("load 'build/bpf/netfilter.bpf.o': Invalid argument (EINVAL); "
        .. "SEC(\"netfilter\") needs a newer libbpf than " .. lbpf.version_string(),
        message(object:load()))
    else
      assert.equal("netfilter", object.progs.nf_drops:type())
    end
    object:close()
  end))

  it("says that the kernel lacks a map or takes less", needs("root", function()
    local object = assert(lbpf.open("build/bpf/attributes.bpf.o"))
    object.maps.bare_outer:set_autocreate(false)
    object.maps.unused:set_value_size(2 ^ 31)
    assert.matches("; the kernel may lack this type of map, or not allow these sizes or flags",
      message(object:load()), 1, true)
    object:close()
    assert.equal("map_create 'large': Argument list too long (E2BIG); the keys or values are "
      .. "larger than the kernel allows, or an option is newer than it",
      message(lbpf.map_create("hash", "large", 4, 2 ^ 31, 1)))
  end))

  it("tells what object:attach() has passed over", needs("root", function()
    local object = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(object:load())
    local same, passed_over = object:attach()
    assert.equal(object, same)
    assert.equal("attach it with program:attach_xdp()", passed_over.xdp_drops)
    assert.equal("attach it with program:attach_cgroup()", passed_over.connect_refused)
    object:close()
    object = assert(lbpf.open("build/bpf/metric.bpf.o"))
    assert.equal(1, select("#", assert(object:load()):attach()))
    object:close()
  end))

  local script = [[
    local lbpf = require "lbpf"
    print((select(2, lbpf.map_create("hash", nil, 4, 4, 4))))
    print((select(2, lbpf.prog_get_fd_by_id(1))))
    print((select(2, lbpf.xdp_attach("lo", 0))))
  ]]

  local function lines(...)
    return table.concat({...}, "\n") .. "\n"
  end

  it("names the capabilities that are missing, and no others", needs("root", function()
    local id = "prog_get_fd_by_id: prog 1: Operation not permitted (EPERM); "
    local create = "map_create '': Operation not permitted (EPERM); "
    local xdp = "xdp_attach: interface 1 'lo': Operation not permitted (EPERM); "
    assert.equal(lines(create .. "this needs CAP_BPF; this process is root, but lacks CAP_BPF",
      id .. "this needs CAP_SYS_ADMIN; this process is root, but lacks CAP_SYS_ADMIN",
      xdp .. "this needs CAP_NET_ADMIN; this process is root, but lacks CAP_NET_ADMIN"),
      child.run(script, "setpriv --bounding-set=-all --inh-caps=-all"))
    local text = process.as_nobody(script, {"build/bpf/metric.bpf.o"})
    assert.matches(create .. "this needs root, or CAP_BPF; this process lacks CAP_BPF", text, 1,
      true)
  end))

  it("says that a user namespace's capabilities do not count", needs("user namespaces", function()
    local refused = ": Operation not permitted (EPERM); "
      .. "the capabilities of a user namespace are not enough"
    assert.equal(lines("map_create ''" .. refused, "prog_get_fd_by_id: prog 1" .. refused,
      "xdp_attach: interface 1 'lo'" .. refused),
      child.run(script, "unshare --user --map-root-user"))
  end))

  it("says that a map is frozen, or open for reading only", needs("root", function()
    local map = assert(lbpf.map_create("array", nil, 4, 4, 1))
    assert(lbpf.map_freeze(map))
    local zero = ("\0"):rep(4)
    assert.matches("Operation not permitted (EPERM); the map is frozen: only BPF programs can "
      .. "change it", message(lbpf.map_update(map, zero, zero)), 1, true)
    map = assert(lbpf.map_create("array", nil, 4, 4, 1, {map_flags = "rdonly"}))
    assert.matches("Operation not permitted (EPERM); this descriptor of the map is for reading "
      .. "only",
      message(lbpf.map_update(map, zero, zero)), 1, true)
  end))

  it("tells where in a callback an error was raised", function()
    local function fails_here()
      error("no")
    end
    local id = lbpf.register_prog_handler("abc", "kprobe", nil, {prog_setup_fn = function()
      fails_here()
      return 0
    end})
    local function open_it()
      return lbpf.open("build/bpf/handlers.bpf.o"), 1
    end
    local ok, text = xpcall(open_it, lbpf.traceback)
    lbpf.unregister_prog_handler(id)
    assert.is_false(ok)
    assert.matches("^tests/kernel/messages_spec.lua:%d+: no\nstack traceback:.*fails_here.*open",
      text)
    local same = {}
    assert.equal(same, select(2, xpcall(function() error(same) end, lbpf.traceback)))
    assert.matches("^[^\n]*plain\nstack traceback:",
      select(2, xpcall(function() error("plain") end, lbpf.traceback)))
  end)

  it("names the function whose argument is bad, also if it was not called by its name", function()
    local _, text = pcall(lbpf.map_create, "no type")
    assert.matches("bad argument #1 to 'map_create' (", text, 1, true)
    local object = assert(lbpf.open("build/bpf/maps.bpf.o"))
    _, text = pcall(object.maps.hash.set_map_flags, object.maps.hash)
    assert.matches("bad argument #2 to 'set_map_flags' (", text, 1, true)
  end)
end)
