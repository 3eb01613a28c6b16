-- Hazard 7: libbpf takes a positive result of an attach callback for a link, and leaks a link. A
-- positive result means success; an attach that made no link returns EOPNOTSUPP.

local handlers = require "handlers"
local needs = require "needs"

after_each(handlers.cleanup)

local values = {0, 1, 7, 4095, 5000, 2 ^ 31, 2 ^ 32, 2 ^ 53, true}

describe("A positive number", function()
  it("from prog_setup_fn and prog_prepare_load_fn is success", needs("root", function()
    local value
    local function answer()
      return value
    end
    handlers.register("abc", "raw_tracepoint", nil, {
      prog_setup_fn = answer,
      prog_prepare_load_fn = answer,
      prog_attach_fn = handlers.to_sys_enter,
    })
    for _, v in ipairs(values) do
      value = v
      local object = handlers.open("abc1")
      assert(object:load():attach())
      assert.is_true(handlers.counts(object, "abc1"))
      object:close()
    end
  end))

  it("from prog_attach_fn is not a link", needs("root", function()
    local value
    handlers.register("abc", "raw_tracepoint", nil, {
      prog_attach_fn = function()
        return value
      end,
    })
    local object = handlers.open("abc1"):load()
    local before = handlers.fds()
    for _, v in ipairs(values) do
      value = v
      local link, message, errno = object.progs.abc1:attach()
      assert.is_nil(link)
      assert.matches("names no target", message, 1, true)
      assert.equal(95, errno)
      assert.equal(object, object:attach())
    end
    assert.equal(before, handlers.fds())
  end))

  it("beside a link that the closure made does not lose that link", needs("root", function()
    handlers.register("abc", "raw_tracepoint", nil, {
      prog_attach_fn = function(prog)
        assert(handlers.to_sys_enter(prog))
        return 1
      end,
    })
    local before = handlers.fds()
    local object = handlers.open("abc1"):load()
    assert.equal(95, (select(3, object.progs.abc1:attach())))
    -- it is the object's like every link
    assert.is_true(handlers.counts(object, "abc1"))
    object:close()
    assert.equal(before, handlers.fds())
  end))
end)
