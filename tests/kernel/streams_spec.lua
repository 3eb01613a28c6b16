-- What programs write to their streams, with libbpf 1.7.
local lbpf = require "lbpf"
local needs = require "needs"

describe("prog_stream_read", function()
  local WRITING = {"root", "libbpf 1.7", "bpf_stream_vprintk"}
  local object

  local function load()
    object = assert(lbpf.open("build/bpf/streams.bpf.o"))
    assert(object:load())
    return object.progs.speak
  end

  after_each(function()
    if object then
      object:close()
    end
  end)

  it("takes what a program wrote, once", needs(WRITING, function()
    local prog = load()
    assert.equal("", lbpf.prog_stream_read(prog, "stdout"))
    assert(prog:test_run())
    assert(prog:test_run())
    assert.equal(("the number is 42\n"):rep(2), lbpf.prog_stream_read(prog, "stdout"))
    assert.equal("", lbpf.prog_stream_read(prog, "stdout"))
    assert.equal(("nothing but 0\n"):rep(2), lbpf.prog_stream_read(prog, 2))
  end))

  it("takes it in pieces", needs(WRITING, function()
    local prog = load()
    assert(prog:test_run())
    assert.equal("the", lbpf.prog_stream_read(prog, "stdout", 3))
    assert.equal(" number", lbpf.prog_stream_read(prog, "stdout", 7))
    assert.equal(" is 42\n", lbpf.prog_stream_read(prog, "stdout", 4096))
    assert.equal("nothing but 0\n", lbpf.prog_stream_read(prog, "stderr"))
  end))
end)
