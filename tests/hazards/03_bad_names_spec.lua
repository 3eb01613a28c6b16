-- Hazard 3: libbpf reads before the start of an empty section name. An empty name, or one with a
-- zero byte, is an argument error.

local handlers = require "handlers"
local lbpf = require "lbpf"

after_each(handlers.cleanup)

describe("register_prog_handler refuses", function()
  local function refuses(sec, pattern)
    local ok, message = pcall(lbpf.register_prog_handler, sec, "xdp")
    assert.is_false(ok)
    assert.matches("bad argument #1", message, 1, true)
    assert.matches(pattern, message, 1, true)
  end

  it("a name without a stem", function()
    for _, sec in ipairs({"", "/", "+"}) do
      refuses(sec, "a section name must not be empty")
    end
  end)

  it("a name with a zero byte", function()
    for _, sec in ipairs({"\0", "abc\0", "\0abc", "abc\0/"}) do
      refuses(sec, "a section name must not contain a zero byte")
    end
  end)

  it("what is not a name", function()
    for _, sec in ipairs({true, {}, print}) do
      refuses(sec, "string expected")
    end
  end)

  it("and nothing else: odd names are harmless", function()
    for _, sec in ipairs({"//", "++", "/+", "?", "\1lbpf", " ", "a+/", ("x"):rep(100000)}) do
      handlers.register(sec, "xdp")
    end
    assert.equal("unspec", handlers.open().progs.abc1:type())
  end)
end)
