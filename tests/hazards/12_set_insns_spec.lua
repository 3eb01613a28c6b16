-- Hazard 12: libbpf relocates instructions beyond their end if set_insns was called too early, and
-- frees an empty program twice. Instructions can be replaced only in the program's own
-- prog_prepare_load_fn, by 1 to 1,000,000.

local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

after_each(handlers.cleanup)

local exit = "\149\0\0\0\0\0\0\0"
local r0_is_0 = "\183\0\0\0\0\0\0\0"

-- A handler for custom2, which counts under the key 40.
local function prepare(fn)
  handlers.register("custom/", "raw_tracepoint", nil, {
    prog_prepare_load_fn = fn,
    prog_attach_fn = handlers.to_sys_enter,
  })
  return handlers.open("custom2")
end

-- The same program, counting under another key.
local function with_key(insns, key)
  local replaced, n = {}, 0
  for insn in insns:gmatch("........") do
    local changed = insn:gsub("^([\180\183][%z\1-\9]%z%z)%\40(%z%z%z)$",
      "%1" .. string.char(key) .. "%2")
    n = n + (changed ~= insn and 1 or 0)
    replaced[#replaced + 1] = changed
  end
  assert.equal(1, n)
  return table.concat(replaced)
end

describe("set_insns in the program's own prog_prepare_load_fn", function()
  it("replaces what the kernel runs", needs("root", function()
    local object = prepare(function(prog)
      assert.equal(prog, prog:set_insns(with_key(prog:insns(), 41)))
    end)
    assert(object:load():attach())
    assert.is_true(handlers.counts(object, 41))
    assert.equal(0, handlers.hits(object, 40))
  end))

  it("may be called again: the last call counts", needs("root", function()
    local object = prepare(function(prog)
      local original = prog:insns()
      prog:set_insns((r0_is_0):rep(1000) .. exit)
      assert.equal(1001, prog:insn_cnt())
      prog:set_insns(exit)
      assert.equal(1, prog:insn_cnt())
      assert.equal(exit, prog:insns())
      prog:set_insns(with_key(original, 42))
    end)
    assert(object:load():attach())
    assert.is_true(handlers.counts(object, 42))
    assert.equal(0, handlers.hits(object, 40))
  end))

  it("takes as many as the verifier does, and not one more or less", needs("root", function()
    local object = prepare(function(prog)
      local original = prog:insns()
      prog:set_insns((r0_is_0):rep(1000000))
      assert.equal(1000000, prog:insn_cnt())
      for _, insns in ipairs({"", (r0_is_0):rep(1000001), exit:sub(1, 7), exit .. "\0"}) do
        assert.error_matches(function()
          prog:set_insns(insns)
        end, "expected 1 to 1,000,000 instructions of 8 bytes")
      end
      assert.equal(1000000, prog:insn_cnt())
      prog:set_insns(original)
    end)
    assert(object:load():attach())
    assert.is_true(handlers.counts(object, 40))
  end))

  it("gives the verifier what it may refuse", needs("root", function()
    local object = prepare(function(prog)
      -- r0 = *(u64 *)(r9 + 0)
      prog:set_insns("\121\144\0\0\0\0\0\0" .. (r0_is_0):rep(20) .. exit)
    end)
    local ok, message, errno = object:load()
    assert.is_nil(ok)
    assert.matches("R9 !read_ok", message, 1, true)
    assert.equal(13, errno)
  end))
end)

describe("set_insns anywhere else is refused", function()
  local misplaced = "set_insns%(%) must be called in its prog_prepare_load_fn"

  local function refused(prog, pattern)
    assert.error_matches(function()
      prog:set_insns(exit)
    end, pattern or misplaced)
  end

  it("in prog_setup_fn, and between open and load", function()
    handlers.register("abc", "raw_tracepoint", nil, {
      prog_setup_fn = function(prog)
        refused(prog)
      end,
    })
    local object = handlers.open()
    refused(object.progs.abc1)
    refused(object.progs.raw1)
  end)

  it("for another program, of this object or another", needs("root", function()
    local object, other
    other = handlers.open()
    object = prepare(function()
      refused(object.progs.abc1)
      refused(object.progs.raw1)
      refused(other.progs.custom2)
    end)
    assert(object:load())
  end))

  it("while another object's prog_prepare_load_fn runs inside", needs("root", function()
    local first
    local depth = 0
    local object = prepare(function(prog)
      depth = depth + 1
      if depth == 2 then
        refused(first)
        return
      end
      first = prog
      assert(handlers.open("custom2"):load())
      prog:set_insns(with_key(prog:insns(), 43))
    end)
    assert(object:load():attach())
    assert.equal(2, depth)
    assert.is_true(handlers.counts(object, 43))
  end))

  it("after the load, failed or not", needs("root", function()
    local object = prepare(nil)
    assert(object:load())
    refused(object.progs.custom2, "too late, object '.*' has been loaded")
    handlers.cleanup()
    object = prepare(function()
      return -1
    end)
    object:load()
    refused(object.progs.custom2, "too late, object '.*' has been loaded")
  end))
end)

describe("insns", function()
  it("is a copy", needs("root", function()
    local copy
    local object = prepare(function(prog)
      copy = prog:insns()
      prog:set_insns(exit)
      collectgarbage()
      prog:set_insns(copy)
    end)
    local before = object.progs.custom2:insns()
    assert.equal(#before, 8 * object.progs.custom2:insn_cnt())
    assert(object:load())
    assert.equal(#before, #copy)
    assert.not_equal(before, copy) -- the map has its descriptor now
    object:close()
    assert.equal(exit, copy:sub(-8))
  end))

  it("of a closed object is an error", function()
    local object = assert(lbpf.open(handlers.path))
    local prog = object.progs.abc1
    object:close()
    assert.error_matches(function()
      prog:insns()
    end, "is closed")
  end)
end)
