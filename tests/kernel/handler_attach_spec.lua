-- The attach closures of SEC() handlers: what they may return, and what becomes of the links.
local child = require "child"
local handlers = require "handlers"
local needs = require "needs"

local register, open, hits, counts =
  handlers.register, handlers.open, handlers.hits, handlers.counts

after_each(handlers.cleanup)

describe("An attach closure", function()
  -- The object with abc1 and abc2 loaded, both attached by FN.
  local function loaded(fn)
    register("abc+", "raw_tracepoint", nil, {prog_attach_fn = fn})
    return assert(open("abc1", "abc2"):load())
  end

  it("attaches: the program counts, until its link is destroyed", needs("root", function()
    local object = loaded(handlers.to_sys_enter)
    local prog = object.progs.abc1
    assert.equal(0, hits(object, "abc1"))
    local link = assert(prog:attach())
    assert.is_true(counts(object, "abc1"))
    assert.equal(link, object.links.abc1)
    assert.is_true(link:destroy())
    assert.is_false(counts(object, "abc1"))
    assert.equal(0, hits(object, "abc2"))
  end))

  it("is what attaching the whole object calls, once for each program", needs("root", function()
    local object = loaded(handlers.to_sys_enter)
    assert.equal(object, object:attach())
    assert.is_true(counts(object, "abc1"))
    assert.is_true(counts(object, "abc2"))
    local link = object.links.abc1
    assert(object:attach())
    assert.equal(link, object.links.abc1)
    link:destroy()
    assert(object:attach())
    assert.not_equal(link, object.links.abc1)
    assert.is_true(counts(object, "abc1"))
  end))

  it("may return a list of links", needs("root", function()
    local object = loaded(function(prog)
      return {handlers.to_sys_enter(prog), prog:attach_raw_tracepoint("sys_exit")}
    end)
    local links = assert(object.progs.abc1:attach())
    assert.equal(2, #links)
    assert.equal(links, object.links.abc1)
    assert.is_true(counts(object, "abc1"))
    links[1]:destroy()
    assert.is_true(counts(object, "abc1"))
    links[2]:destroy()
    assert.is_false(counts(object, "abc1"))
    assert.is_nil(object.links.abc1)
  end))

  it("may return a list of links, which has the methods of a link", needs("root", function()
    local object = loaded(function(prog)
      return {handlers.to_sys_enter(prog), prog:attach_raw_tracepoint("sys_exit")}
    end)
    local links = assert(object.progs.abc1:attach())
    assert.equal("lbpf.links: 2", tostring(links))
    local info = links:info()
    assert.same({"raw_tracepoint", "raw_tracepoint"}, {info[1].type, info[2].type})
    assert.same({nil, "update_program: link of 'abc1': Invalid argument (EINVAL)", 22},
      {links:update_program(object.progs.abc1)})
    assert.same({nil, "detach: link of 'abc1': Operation not supported (EOPNOTSUPP)", 95},
      {links:detach()})
    assert.is_true(links:destroy())
    assert.is_true(links:destroy())
    assert.is_false(counts(object, "abc1"))
    assert.is_nil(object.links.abc1)
  end))

  -- The descriptors of disconnected links stay open until their process ends.
  it("may return a list of links, which can be disconnected", needs("root", function()
    assert.same({"true\n", 0}, {child.run [[
      local handlers = require "handlers"
      handlers.register("abc+", "raw_tracepoint", nil, {prog_attach_fn = function(prog)
        return {handlers.to_sys_enter(prog), prog:attach_raw_tracepoint("sys_exit")}
      end})
      local object = handlers.open("abc1"):load()
      local links = object.progs.abc1:attach()
      assert(links:disconnect() == links and links:destroy())
      print(handlers.counts(object, "abc1"))
    ]]})
  end))

  it("may return a list, which is attached and detached with the object", needs("root", function()
    local object = loaded(function(prog)
      return {handlers.to_sys_enter(prog), prog:attach_raw_tracepoint("sys_exit")}
    end)
    assert.equal(object, object:attach())
    assert.equal(2, #object.links.abc1)
    assert.equal(object, object:detach())
    assert.is_nil(object.links.abc1)
    assert.is_false(counts(object, "abc1"))
  end))

  it("may return a list of links, which leaving a scope destroys", needs("root", function()
    local object = loaded(function(prog)
      return {handlers.to_sys_enter(prog), prog:attach_raw_tracepoint("sys_exit")}
    end)
    local links = assert(object.progs.abc1:attach())
    assert.is_true(counts(object, "abc1"))
    debug.getmetatable(links).__close(links)
    assert.is_false(counts(object, "abc1"))
  end))

  it("may return a list with a metatable of its own", needs("root", function()
    local meta = {}
    local object = loaded(function(prog)
      return setmetatable({handlers.to_sys_enter(prog)}, meta)
    end)
    assert.equal(meta, getmetatable(object.progs.abc1:attach()))
  end))

  it("that returns nothing attaches nothing", needs("root", function()
    for _, answer in ipairs({{}, {nil}, {true}, {0}, {7}}) do
      local object = loaded(function()
        return (unpack or table.unpack)(answer) -- luacheck: globals unpack
      end)
      local link, message, errno = object.progs.abc1:attach()
      assert.is_nil(link)
      assert.equal("attach: program 'abc1', SEC(\"abc\") names no target: "
        .. "Operation not supported (EOPNOTSUPP); attach it with one of the methods "
        .. "program:attach_...()", message)
      assert.equal(95, errno)
      assert.equal(object, object:attach())
      assert.is_nil(rawget(object.links, "abc1"))
      handlers.cleanup()
    end
  end))

  it("that is missing attaches nothing", needs("root", function()
    local object = loaded(nil)
    assert.equal(95, (select(3, object.progs.abc1:attach())))
    assert.equal(object, object:attach())
  end))

  it("passes on what was refused", needs("root", function()
    local object = loaded(function(prog)
      return prog:attach_raw_tracepoint("no_such_event")
    end)
    local link, message, errno = object.progs.abc1:attach()
    assert.is_nil(link)
    assert.matches("no_such_event", message)
    assert.equal(2, errno)
    link, message, errno = object:attach()
    assert.is_nil(link)
    assert.matches("no_such_event", message)
    assert.equal(2, errno)
  end))

  it("may refuse with an error of its own", needs("root", function()
    local object = loaded(function(prog)
      if prog:name() == "abc1" then
        return nil, "not on this machine", 19
      end
      return -13
    end)
    assert.same({nil, "not on this machine", 19}, {object.progs.abc1:attach()})
    local link, message, errno = object.progs.abc2:attach()
    assert.is_nil(link)
    assert.equal("prog_attach_fn: Permission denied (EACCES)", message)
    assert.equal(13, errno)
  end))

  it("that refuses undoes what the same call has attached", needs("root", function()
    local object = loaded(function(prog)
      if prog:name() == "abc2" then
        return -13
      end
      return {handlers.to_sys_enter(prog)}
    end)
    local before = handlers.fds()
    assert.equal(13, (select(3, object:attach())))
    assert.equal(before, handlers.fds())
    assert.is_false(counts(object, "abc1"))
    -- but not what was attached before
    local mine = handlers.to_sys_enter(object.progs.abc1)
    assert.equal(13, (select(3, object:attach())))
    assert.equal(mine, object.links.abc1)
    assert.is_true(counts(object, "abc1"))
  end))

  it("must return links", needs("root", function()
    local answer
    local object = loaded(function()
      return answer
    end)
    local function refuses(value, pattern)
      answer = value
      local function attach_one()
        object.progs.abc1:attach()
      end
      assert.error_matches(attach_one, pattern)
      assert.error_matches(function()
        object:attach()
      end, pattern)
    end
    local expected = "prog_attach_fn must return a link, a list of links, or nil; not "
    refuses("text", expected .. "string")
    refuses(print, expected .. "function")
    refuses(io.stdout, expected .. "userdata")
    refuses(object, expected .. "userdata")
    refuses({1}, expected .. "number")
    local link = handlers.to_sys_enter(object.progs.abc2)
    refuses({link, false}, expected .. "boolean")
    refuses(0.5, "prog_attach_fn must return an integer")
    link:destroy()
    refuses(link, "prog_attach_fn returned a link that was destroyed")
    refuses({link}, "prog_attach_fn returned a link that was destroyed")
    local other = open("raw1"):load()
    refuses(other.progs.raw1:attach(), "prog_attach_fn returned a link of object '.*handlers")
    assert.is_true(counts(other, "raw1"))
    other:close()
    assert.is_nil(rawget(object.links, "abc1"))
  end))

  it("is not called where autoattach is off, but for the program itself", needs("root", function()
    local object = loaded(handlers.to_sys_enter)
    object.progs.abc1:set_autoattach(false)
    assert(object:attach())
    assert.is_nil(rawget(object.links, "abc1"))
    assert.is_true(counts(object, "abc2"))
    assert(object.progs.abc1:attach())
    assert.is_true(counts(object, "abc1"))
  end))

  it("is not called for a program that was not loaded", needs("root", function()
    local called = {}
    register("abc+", "raw_tracepoint", nil, {
      prog_attach_fn = function(prog)
        called[#called + 1] = prog:name()
      end,
    })
    local object = open("abc2"):load()
    assert(object:attach())
    assert.same({"abc2"}, called)
    assert.error_matches(function()
      object.progs.abc1:attach()
    end, "'abc1' is not loaded: its autoload is off")
  end))

  it("may attach to a kernel function, and see its handler's section", needs({"root", "kprobes"},
    function()
      register("abc/", "kprobe", nil, {
        prog_attach_fn = function(prog)
          assert.equal("abc/whatever", prog:section_name())
          return prog:attach_ksyscall("getcwd")
        end,
      })
      local object = open("abc2"):load()
      assert.equal(0, hits(object, "abc2"))
      assert(object:attach())
      assert.is_true(counts(object, "abc2"))
    end))
end)
