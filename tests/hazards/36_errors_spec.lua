-- Hazard 36: libbpf reports errors in several ways. Every error has a number, its name, and a
-- message that belongs to it.
local events = require "events"
local lbpf = require "lbpf"
local needs = require "needs"

local function refused(name, number, text, result, message, errno)
  assert.is_nil(result)
  assert.equal(number, errno)
  assert.matches(": " .. text .. " (" .. name .. ")", message, 1, true)
end

local function write(bytes)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  return path
end

describe("an error", function()
  it("of open is libbpf's own where it has one", function()
    local path = write("not an ELF file")
    local result, message, errno = lbpf.open(path)
    os.remove(path)
    assert.is_nil(result)
    assert.is_true(errno >= 4000)
    assert.matches("(LIBBPF_ERRNO__", message, 1, true)
    assert.not_matches("Unknown", message)
    result, message, errno = lbpf.open_mem("\127ELF and no more")
    assert.is_nil(result)
    assert.is_true(errno >= 4000)
    assert.matches("^open 'memory': .*%(LIBBPF_ERRNO__", message)
  end)

  it("of open is the kernel's where that refuses", function()
    refused("ENOENT", 2, "No such file or directory", lbpf.open("no/such/file"))
  end)

  it("of a load that lacks rights is EPERM, with what is needed", needs("root", function()
    local path = os.tmpname()
    local script = ([[
      local lbpf = require "lbpf"
      local object = assert(lbpf.open("build/bpf/attach_event.bpf.o"))
      local _, message, errno = object:load()
      print(message, errno)
    ]])
    local file = assert(io.open(path, "w"))
    file:write(script)
    file:close()
    local text = require("child").output(("setpriv --bounding-set=-all --inh-caps=-all %s %s")
      :format(os.getenv("LBPF_LUA"), path))
    os.remove(path)
    assert.matches("Operation not permitted (EPERM); this needs CAP_BPF with CAP_PERFMON or "
      .. "CAP_NET_ADMIN; this process is root, but lacks CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN", text,
      1, true)
  end))

  it("of attach has the same shape however libbpf tells", needs({"root", "tracefs"}, function()
    local object = events.load("attach_event")
    local progs = object.progs
    refused("ENOENT", 2, "No such file or directory",
      progs.on_tracepoint:attach_tracepoint("no_such", "event"))
    refused("ENOENT", 2, "No such file or directory",
      progs.on_raw_tracepoint:attach_raw_tracepoint("no_such_event"))
    refused("EBADF", 9, "Bad file descriptor", progs.on_perf_event:attach_perf_event(123456))
    refused("EINVAL", 22, "Invalid argument", progs.on_raw_tracepoint:attach_trace())
    refused("EOPNOTSUPP", 95, "Operation not supported", progs.on_tracepoint:attach())
    object:close()
  end))

  it("of a ring buffer has it, too", needs("root", function()
    local object = events.load("attach_event")
    refused("EINVAL", 22, "Invalid argument", lbpf.ring_buffer(object.maps.target, print))
    local ring = assert(lbpf.ring_buffer(object.maps.events, print))
    refused("EBUSY", 16, "Device or resource busy", lbpf.ring_buffer(object.maps.events, print))
    ring:close()
    object:close()
  end))

  it("is not what an earlier call left behind", needs("root", function()
    local object = events.load("attach_event")
    for _ = 1, 3 do
      refused("EBADF", 9, "Bad file descriptor",
        object.progs.on_perf_event:attach_perf_event(123456))
      refused("ENOENT", 2, "No such file or directory",
        object.progs.on_raw_tracepoint:attach_raw_tracepoint("no_such_event"))
      assert.is_nil((io.open("no/such/file"))) -- leaves ENOENT in errno
      refused("EINVAL", 22, "Invalid argument", lbpf.ring_buffer(object.maps.target, print))
    end
    object:close()
  end))
end)
