-- Hazard 15: libbpf prints messages from any call, and verifier logs can be very large. The
-- script's function is called only for lbpf's calls, is not called recursively, cannot change a
-- result, and the log is bounded.

local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

after_each(handlers.cleanup)

local path = handlers.path

-- An object whose program the verifier refuses after N instructions, all of which it logs.
local function rejected(n)
  handlers.register("abc", "raw_tracepoint", nil, {
    prog_prepare_load_fn = function(prog)
      prog:set_insns(("\183\0\0\0\0\0\0\0"):rep(n) .. "\121\144\0\0\0\0\0\0\149\0\0\0\0\0\0\0")
    end,
  })
  return handlers.open("abc1")
end

describe("set_print", function()
  it("is given a level and a text, inside the calls that libbpf says it in", function()
    local levels, all = {}, {}
    assert.is_nil(lbpf.set_print(function(level, text)
      levels[level] = true
      all[#all + 1] = text
    end))
    lbpf.open(path)
    assert.is_true(levels.debug)
    assert.matches("handlers", table.concat(all), 1, true)
    assert.is_nil((lbpf.link_open("no/such/file")))
    assert.is_true(levels.warn)
    assert.matches("no/such/file", all[#all], 1, true)
  end)

  it("returns the function before, and nil ends it", function()
    local n = 0
    local function print_fn()
      n = n + 1
    end
    assert.is_nil(lbpf.set_print(print_fn))
    assert.equal(print_fn, lbpf.set_print(nil))
    assert.is_nil(lbpf.set_print(nil))
    lbpf.open(path)
    assert.equal(0, n)
    assert.is_false(pcall(lbpf.set_print, 1))
    assert.is_false(pcall(lbpf.set_print, "print"))
  end)

  it("takes effect at once in a closure, in the midst of an open", function()
    local seen = {}
    handlers.register("custom", "xdp", nil, {
      prog_setup_fn = function()
        lbpf.set_print(function(_, text)
          seen[#seen + 1] = text
        end)
      end,
    })
    handlers.register("xyz+", "xdp", nil, {
      prog_setup_fn = function()
        lbpf.set_print(nil)
        seen[#seen + 1] = "end"
      end,
    })
    local before = #seen
    lbpf.open(path)
    assert.equal(0, before)
    assert.equal("end", seen[#seen])
    for i = 1, #seen - 1 do
      assert.matches("^libbpf: ", seen[i])
    end
  end)

  it("is not called inside itself", function()
    local depth, deepest, calls, opened = 0, 0, 0, 0
    lbpf.set_print(function()
      depth = depth + 1
      calls = calls + 1
      deepest = math.max(deepest, depth)
      if lbpf.open(path) and not lbpf.link_open("no/such/file") then
        opened = opened + 1
      end
      depth = depth - 1
    end)
    assert.is_not_nil(lbpf.open(path))
    assert.equal(1, deepest)
    assert.is_true(calls > 0)
    assert.equal(calls, opened)
  end)

  it("may be called in the function that it set", function()
    local calls = 0
    lbpf.set_print(function()
      calls = calls + 1
      lbpf.set_print(nil)
      collectgarbage()
    end)
    assert.is_not_nil(lbpf.open(path))
    assert.equal(1, calls)
  end)

  it("is for the closures' own calls, too", function()
    local inner
    handlers.register("abc", "xdp", nil, {
      prog_setup_fn = function()
        inner = 0
        lbpf.link_open("no/such/file")
        inner = inner > 0
      end,
    })
    lbpf.set_print(function(level)
      if inner and level == "warn" then
        inner = inner + 1
      end
    end)
    lbpf.open(path)
    assert.is_true(inner)
  end)
end)

describe("An error in the print function changes no outcome", function()
  local bad = {
    function() error("no") end,
    function() error({}) end,
    function() error(nil) end,
    function() coroutine.yield() end,
    function() return nil, nil, nil end,
    function() io.open("/no/such/file/at/all") end,
  }

  it("of an open", function()
    local _, message, errno, log = lbpf.link_open("no/such/file")
    for _, fn in ipairs(bad) do
      lbpf.set_print(fn)
      assert.is_not_nil(lbpf.open(path))
      local co = coroutine.wrap(function()
        return lbpf.link_open("no/such/file")
      end)
      assert.same({nil, message, errno, log}, {co()})
    end
  end)

  it("of a load", needs("root", function()
    for _, fn in ipairs(bad) do
      lbpf.set_print(fn)
      handlers.register("abc", "raw_tracepoint", nil, {prog_attach_fn = handlers.to_sys_enter})
      local object = handlers.open("abc1")
      assert(object:load():attach())
      assert.is_true(handlers.counts(object, "abc1"))
      handlers.cleanup()
      lbpf.set_print(fn)
      local ok, message, errno = rejected(50):load()
      assert.is_nil(ok)
      assert.matches("R9 !read_ok", message, 1, true)
      assert.equal(13, errno)
      handlers.cleanup()
    end
  end))

  it("of a closure that raises", function()
    local thrown = {}
    handlers.register("abc", "xdp", nil, {
      prog_setup_fn = function()
        error(thrown)
      end,
    })
    lbpf.set_print(bad[1])
    local ok, got = pcall(lbpf.open, path)
    assert.is_false(ok)
    assert.is_true(rawequal(thrown, got))
  end)
end)

describe("Without a print function", function()
  it("warnings are in the error, and the next call's error has none of them", function()
    local _, first = lbpf.link_open("no/such/file")
    local _, second = lbpf.link_open("no/such/thing")
    assert.matches("libbpf: .*no/such/file", first)
    assert.matches("libbpf: .*no/such/thing", second)
    assert.not_matches("no/such/file", second, 1, true)
  end)

  it("a call inside a closure has its own", function()
    local inner
    handlers.register("abc", "xdp", nil, {
      prog_setup_fn = function()
        inner = select(2, lbpf.link_open("no/such/file"))
        return -1
      end,
    })
    local _, outer = lbpf.open(path)
    assert.matches("libbpf: .*no/such/file", inner)
    assert.matches("libbpf: .*failed to initialize: %-%w+", outer)
    assert.not_matches("no/such/file", outer, 1, true)
  end)
end)

describe("A big verifier log", function()
  it("is whole in the fourth value, and ends in the message", needs("root", function()
    local object = rejected(40000)
    local ok, message, errno, log = object:load()
    assert.is_nil(ok)
    assert.equal(13, errno)
    assert.is_true(#message < 4096)
    assert.matches("R9 !read_ok", message, 1, true)
    assert.is_true(#log > 500000)
    assert.is_true(#log < 18 * 1024 * 1024)
    assert.matches("\n0: ", log, 1, true)
    assert.matches("R9 !read_ok", log, 1, true)
  end))

  it("is given to the print function, and dropped by its error", needs("root", function()
    local longest = 0
    lbpf.set_print(function(_, text)
      longest = math.max(longest, #text)
      error(text)
    end)
    local ok, _, errno, log = rejected(40000):load()
    assert.is_nil(ok)
    assert.equal(13, errno)
    assert.is_true(longest > 500000)
    assert.is_true(#log >= longest)
  end))

  it("of a load that succeeds goes to the program's own buffer, bounded", needs("root", function()
    handlers.register("abc", "raw_tracepoint")
    local object = handlers.open("abc1")
    object.progs.abc1:set_log_buf(65536):set_log_level(2)
    assert(object:load())
    local log = object.progs.abc1:log_buf()
    assert.matches("processed %d+ insns", log)
    assert.is_true(#log < 65536)
  end))
end)
