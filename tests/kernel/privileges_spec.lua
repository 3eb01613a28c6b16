-- What each operation needs: docs/security.md has this table.
local child = require "child"
local needs = require "needs"

-- Kernels before 5.19 refuse every call of bpf().
local PINNED = needs.met "bpf() without capabilities" and {} or {"bpf"}

-- Each as root without other capabilities than these: it works, and without one of them not.
local OPERATIONS = {
  {"open an object, read its types", {}, [[
    local object = assert(lbpf.open("build/bpf/typed_events.bpf.o"))
    assert(object:codec "struct opened":decode(("\0"):rep(64)))]]},
  {"write an object", {}, [[assert(lbpf.btf_new_empty()):add_int("int", 4, "signed")]]},
  {"create a map", {"bpf"}, [[assert(lbpf.map_create("hash", "h", 4, 4, 4))]]},
  {"load a socket filter", {"bpf"}, [[
    assert(lbpf.prog_load("socket_filter", "f", "GPL", insns.returns(0)))]]},
  {"load a program for tracing", {"bpf", "perfmon"}, [[
    assert(lbpf.prog_load("kprobe", "f", "GPL", insns.returns(0)))]]},
  {"load a program for the network", {"bpf", "net_admin"}, [[
    assert(lbpf.prog_load("xdp", "f", "GPL", insns.returns(2)))]]},
  {"attach to a raw tracepoint", {"bpf", "perfmon"}, [[
    assert(lbpf.raw_tracepoint_open("sys_enter",
      assert(lbpf.prog_load("raw_tracepoint", "f", "GPL", insns.returns(0)))))]]},
  {"attach XDP", {"bpf", "net_admin"}, [[
    local program = assert(lbpf.prog_load("xdp", "f", "GPL", insns.returns(2)))
    assert(lbpf.link_create(program, 1, "xdp"))]]},
  {"list programs, maps and links", {"sys_admin"}, [[
    assert(lbpf.map_get_next_id(0))]]},
  {"open a program, map or link by its id", {"sys_admin"}, [[
    assert(lbpf.prog_get_fd_by_id(PROGRAM))]]},
  {"count the time of programs", {"sys_admin"}, [[assert(lbpf.enable_stats "run_time")]]},
  {"open what is pinned, look up", PINNED, [[
    local map = assert(lbpf.obj_get(PINNED))
    assert(lbpf.map_update(map, "abcd", "1234"))
    assert(lbpf.map_lookup(map, "abcd") == "1234")]]},
  {"read a ring buffer that is pinned", PINNED, [[
    assert(lbpf.ring_buffer(assert(lbpf.obj_get(RING)), print)):consume()]]},
}

describe("an operation", function()
  local lbpf = require "lbpf"
  local pins = require "pins"
  local map, ring, program, path, ring_path

  lazy_setup(function()
    if not (needs.met "root" and needs.met "bpffs") then
      return
    end
    path, ring_path = pins.path(), pins.path()
    map = assert(lbpf.map_create("hash", "h", 4, 4, 4))
    ring = assert(lbpf.map_create("ringbuf", "r", 0, 0, 4096))
    program = assert(lbpf.prog_load("socket_filter", "f", "GPL", require "insns".returns(0)))
    assert(lbpf.obj_pin(map, path))
    assert(lbpf.obj_pin(ring, ring_path))
  end)

  lazy_teardown(function()
    for _, fd in ipairs {map, ring, program} do
      fd:close()
    end
    os.remove(path or "")
    os.remove(ring_path or "")
  end)

  -- Does it work with these capabilities alone?
  local function works(code, capabilities)
    local set = "-all"
    for _, name in ipairs(capabilities) do
      set = set .. ",+" .. name
    end
    return child.run(([[
      local lbpf, insns = require "lbpf", require "insns"
      local PROGRAM, PINNED, RING = %d, "%s", "%s"
      %s
      io.write "worked"
    ]]):format(lbpf.prog_get_info_by_fd(program).id, path, ring_path, code),
      ("setpriv --bounding-set=%s --inh-caps=-all --"):format(set))
  end

  for _, operation in ipairs(OPERATIONS) do
    local name, capabilities, code = operation[1], operation[2], operation[3]
    it(("%s: %s"):format(name, #capabilities > 0 and table.concat(capabilities, ", ") or "none"),
      needs({"root", "bpffs"}, function()
        assert.equal("worked", (works(code, capabilities)))
        for i in ipairs(capabilities) do
          local fewer = {}
          for j, capability in ipairs(capabilities) do
            fewer[#fewer + 1] = j ~= i and capability or nil
          end
          assert.matches("%(E%u+%)", (works(code, fewer)))
        end
      end))
  end
end)
