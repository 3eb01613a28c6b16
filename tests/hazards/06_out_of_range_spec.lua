-- Hazard 6: libbpf passes on a callback's result, and takes numbers below -4095 for a pointer. A
-- result that is not an error number becomes EINVAL.

local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

after_each(handlers.cleanup)

local too_low = {-4096, -5000, -2 ^ 31, -2 ^ 31 - 1, -2 ^ 32 - 5, -2 ^ 53, -2 ^ 63}

-- Calls CHECK with each value, while there is a handler that returns it.
local function each(callback, values, check)
  for _, value in ipairs(values) do
    handlers.register("abc", "raw_tracepoint", nil, {
      [callback] = function()
        return value
      end,
    })
    check(value)
    handlers.cleanup()
  end
end

describe("A number below -4095 is EINVAL", function()
  it("from prog_setup_fn", function()
    local before = handlers.fds()
    each("prog_setup_fn", too_low, function()
      local object, message, errno = lbpf.open(handlers.path)
      assert.is_nil(object)
      assert.matches("EINVAL", message, 1, true)
      assert.matches("failed to initialize: %-%w+$", message)
      assert.equal(22, errno)
    end)
    assert.equal(before, handlers.fds())
  end)

  it("from prog_prepare_load_fn", needs("root", function()
    each("prog_prepare_load_fn", too_low, function()
      local ok, message, errno = handlers.open("abc1"):load()
      assert.is_nil(ok)
      assert.matches("EINVAL", message, 1, true)
      assert.matches("failed to prepare load attributes: %-%w+\n", message)
      assert.equal(22, errno)
    end)
  end))

  it("from prog_attach_fn", needs("root", function()
    each("prog_attach_fn", too_low, function()
      local link, _, errno = handlers.open("abc1"):load().progs.abc1:attach()
      assert.is_nil(link)
      assert.equal(22, errno)
    end)
  end))
end)

describe("An error number arrives as it is", function()
  it("from the first to the last", function()
    each("prog_setup_fn", {-1, -22, -4000, -4095}, function(value)
      local object, _, errno = lbpf.open(handlers.path)
      assert.is_nil(object)
      assert.equal(-value, errno)
    end)
  end)

  it("as LuaJIT's 64-bit integer", needs("jit", function()
    local int64 = require("ffi").typeof("int64_t")
    each("prog_setup_fn", {int64(-13), int64(-5000)}, function(value)
      local object, _, errno = lbpf.open(handlers.path)
      assert.is_nil(object)
      assert.equal(value == int64(-13) and 13 or 22, errno)
    end)
  end))
end)

describe("A number that is no integer", function()
  it("raises, and names the closure", function()
    each("prog_setup_fn", {-0.5, 0.5, 0 / 0, 1 / 0, -1 / 0, -1e300}, function()
      assert.error_matches(function()
        lbpf.open(handlers.path)
      end, "^prog_setup_fn must return an integer")
    end)
  end)
end)

describe("The errno beside a refusal", function()
  it("is ECANCELED if it is none", function()
    for _, errno in ipairs({0, -1, -5000, 4096, 2 ^ 40, 0.5, "text", {}}) do
      handlers.register("abc", "raw_tracepoint", nil, {
        prog_setup_fn = function()
          return nil, "refused", errno
        end,
      })
      local object, message, got = lbpf.open(handlers.path)
      assert.is_nil(object)
      assert.matches("refused", message, 1, true)
      assert.equal(125, got)
      handlers.cleanup()
    end
  end)
end)
