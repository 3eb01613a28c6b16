-- Hazard 34: fork() copies libbpf's structures, but the kernel's resources are shared. A child
-- that closes its Lua state does not stop what its parent reads; a server that went to the
-- background keeps what its parent created.
local host = require "host"
local needs = require "needs"

describe("a fork()", function()
  local TRACEFS = {"root", "tracefs"}

  it("leaves a perf buffer to the parent", needs("root", function()
    host.run("fork", "perf_buffer")
  end))

  it("leaves nothing of it in a child that closes it", needs("root", function()
    host.run("fork", "perf_buffer_closed")
  end))

  it("leaves perf events to the parent", needs(TRACEFS, function()
    host.run("fork", "perf_events")
  end))

  it("leaves uprobes and USDT to the parent", needs("root", function()
    host.run("fork", "uprobes_and_usdt")
  end))

  it("leaves a struct_ops map registered", needs({"root", "btf"}, function()
    host.run("fork", "struct_ops")
  end))

  it("shares links that are descriptors alone", needs("root", function()
    host.run("fork", "links")
  end))

  it("leaves reserved samples to the parent", needs({"root", "user rings"}, function()
    host.run("fork", "samples")
  end))

  it("shares variables and ring buffers", needs("root", function()
    host.run("fork", "ring_buffer")
  end))

  it("makes the child the owner once the parent has ended", needs(TRACEFS, function()
    host.run("fork", "background")
  end))
end)
