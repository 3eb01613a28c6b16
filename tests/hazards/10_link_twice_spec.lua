-- Hazard 10: libbpf destroys a link twice that a callback returned twice. lbpf keeps the links,
-- and destroys each once.

local handlers = require "handlers"
local needs = require "needs"

after_each(handlers.cleanup)

local function loaded(fn)
  handlers.register("abc+", "raw_tracepoint", nil, {prog_attach_fn = fn})
  return handlers.open("abc1", "abc2"):load()
end

describe("A link that is given back more than once", function()
  it("in one list", needs("root", function()
    local before = handlers.fds()
    local object = loaded(function(prog)
      local link = handlers.to_sys_enter(prog)
      return {link, link, link}
    end)
    local links = assert(object.progs.abc1:attach())
    assert.is_true(handlers.counts(object, "abc1"))
    for _, link in ipairs(links) do
      assert.is_true(link:destroy())
      -- the object's next link is not mistaken for it
      assert(object.progs.abc2:attach())
    end
    assert.is_false(handlers.counts(object, "abc1"))
    assert.is_true(handlers.counts(object, "abc2"))
    object:close()
    assert.equal(before, handlers.fds())
  end))

  it("by two programs' closures", needs("root", function()
    local link
    local before = handlers.fds()
    local object = loaded(function(prog)
      link = link or handlers.to_sys_enter(prog)
      return link
    end)
    assert(object:attach())
    assert.equal(link, object.links.abc1)
    assert.equal(link, object.links.abc2)
    object:close()
    object:close()
    assert.is_true(link:destroy())
    assert.equal(before, handlers.fds())
  end))

  it("and that is undone", needs("root", function()
    local link
    local object = loaded(function(prog)
      if prog:name() == "abc2" then
        return -1
      end
      link = handlers.to_sys_enter(prog)
      return {link, link}
    end)
    local before = handlers.fds()
    assert.is_nil((object:attach()))
    assert.equal("lbpf.link: abc1 (destroyed)", tostring(link))
    assert.equal(before, handlers.fds())
  end))

  it("by two attaches", needs("root", function()
    local link
    local object = loaded(function(prog)
      link = link or handlers.to_sys_enter(prog)
      return link
    end)
    local first = object.progs.abc1:attach()
    assert.equal(first, (object.progs.abc1:attach()))
    first:destroy()
    assert.error_matches(function()
      object.progs.abc1:attach()
    end, "prog_attach_fn returned a link that was destroyed")
  end))
end)

describe("The links of a closure", function()
  it("stay attached when no variable holds them", needs("root", function()
    local object = loaded(function(prog)
      return {handlers.to_sys_enter(prog), prog:attach_raw_tracepoint("sys_exit")}
    end)
    assert(object:attach())
    object.links.abc1 = nil
    collectgarbage()
    collectgarbage()
    assert.is_true(handlers.counts(object, "abc1"))
  end))

  it("of another object are refused, and stay that object's", needs("root", function()
    local foreign
    local object = loaded(function()
      return foreign
    end)
    handlers.register("custom", "raw_tracepoint", nil, {prog_attach_fn = handlers.to_sys_enter})
    local other = handlers.open("custom1"):load()
    foreign = assert(other.progs.custom1:attach())
    for _, attach in ipairs({
      function() object.progs.abc1:attach() end,
      function() object:attach() end,
    }) do
      assert.error_matches(attach, "prog_attach_fn returned a link of object '")
    end
    object:close()
    assert.is_true(handlers.counts(other, "custom1"))
    other:close()
  end))
end)
