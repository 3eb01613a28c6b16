-- Hazard 24: libbpf keeps pointers to log buffers, and expects zero-terminated strings in them.
-- lbpf owns the buffers as long as libbpf uses them.
local lbpf = require "lbpf"
local needs = require "needs"

local OBJECT = "build/bpf/generable.bpf.o"

describe("log buffers", function()
  it("of a program are zeroed, bounded and kept", needs("root", function()
    local object = assert(lbpf.open(OBJECT))
    local prog = object.progs.count
    assert.is_nil(prog:log_buf())
    assert.error_matches(function() prog:set_log_buf(0) end, "is not in 128 to")
    assert.error_matches(function() prog:set_log_buf(2 ^ 40) end, "is not in 128 to")
    assert.equal(prog, prog:set_log_buf(1024))
    assert.equal("", prog:log_buf())
    assert.equal(prog, prog:set_log_buf(4096):set_log_level(2)) -- the first is not forgotten
    collectgarbage()
    assert(object:load())
    assert.matches("processed %d+ insns", prog:log_buf())
    object:close()
    assert.error_matches(function() prog:log_buf() end, "is closed$")
  end))

  it("that are too small are truncated", needs("root", function()
    local object = assert(lbpf.open(OBJECT))
    local prog = object.progs.count:set_log_buf(128):set_log_level(2)
    local loaded, message = object:load()
    -- kernels before 6.4 return an error if the log does not fit
    assert.is_true(loaded == object or message:match("No space left on device") ~= nil)
    assert.is_true(#prog:log_buf() > 64 and #prog:log_buf() <= 128)
    object:close()
  end))

  it("of the object's load outlive it", needs("root", function()
    local object = assert(lbpf.open(OBJECT, {kernel_log_level = 2, kernel_log_size = 200}))
    assert.equal("", object:kernel_log())
    collectgarbage()
    object:load()
    assert.is_true(#object:kernel_log() > 100 and #object:kernel_log() <= 200)
    object:close()
    assert.error_matches(function() object:kernel_log() end, "is closed$")
  end))
end)
