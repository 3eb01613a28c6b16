-- Programs of a prepared object that are loaded apart from it.
local lbpf = require "lbpf"
local needs = require "needs"

local EACCES, EINVAL = 13, 22

local NEEDS = {"root", "libbpf 1.8"}
local PACKET = {data_in = ("\0"):rep(64)}

local function open(name)
  return assert(lbpf.open("build/bpf/" .. name .. ".bpf.o"))
end

describe("a clone", function()
  local object

  after_each(function()
    if object then
      object:close()
    end
  end)

  it("is a program of its own, with the object's maps", needs(NEEDS, function()
    object = open("testrun")
    assert(object:prepare())
    for prog in object:each_program() do
      if prog:type() == "sched_cls" or prog:type() == "xdp" then
        local clone, log = assert(prog:clone())
        assert.is_nil(log)
        assert.equal("lbpf.fd", tostring(clone):match("^[^:]+"))
        local info = lbpf.prog_get_info_by_fd(clone)
        assert.equal(prog:name():sub(1, 15), info.name)
        assert.equal(prog:type(), info.type)
        assert.error_matches(function() prog:fd() end, "is not loaded$")
        assert.is_number(assert(lbpf.prog_test_run(clone, PACKET)).retval)
        local second = assert(prog:clone())
        assert.are_not.equal(info.id, lbpf.prog_get_info_by_fd(second).id)
        clone:close()
        second:close()
      end
    end
    -- and the object can still be loaded
    assert.equal(object, object:load())
  end))

  it("outlives the object", needs(NEEDS, function()
    object = open("generable")
    assert(object:prepare())
    local clone = assert(object.progs.count:clone())
    object:close()
    collectgarbage()
    assert.equal("count", lbpf.prog_get_info_by_fd(clone).name)
  end))

  it("has the verifier's log, if asked, whose size the script may set", needs(NEEDS, function()
    object = open("generable")
    assert(object:prepare())
    local clone, log = object.progs.count:clone({log_level = 2})
    assert(clone, log)
    assert.matches("processed %d+ insns", log)
    local message, errno
    clone, message, errno = object.progs.count:clone({log_level = 2, log_size = 128})
    assert.is_nil(clone)
    assert.matches("^clone 'count': No space left on device %(ENOSPC%)", message)
    assert.equal(28, errno)
  end))

  it("takes the options of prog_load", needs(NEEDS, function()
    object = open("generable")
    assert(object:prepare())
    local prog = object.progs.count
    assert.error_matches(function() prog:clone({log = 1}) end, "unknown option 'log'")
    assert.error_matches(function() prog:clone({fd_array = 3}) end,
      "option 'fd_array' must be a list")
    assert.error_matches(function() prog:clone(1) end, "table expected")
    -- func_info must come with its count, as libbpf says
    local clone, message, errno, log = prog:clone({func_info_rec_size = 8})
    assert.is_nil(clone)
    assert.matches("^clone 'count': .*must all be specified", message)
    assert.equal(EINVAL, errno)
    assert.matches("must all be specified", log)
    clone, message, errno = prog:clone({expected_attach_type = "xdp", prog_flags = 0xffffffff})
    assert.is_nil(clone)
    assert.matches("^clone 'count': Invalid argument", message)
    assert.equal(EINVAL, errno)
  end))

  it("fails with the verifier's log if the program is wrong", needs(NEEDS, function()
    object = open("rejected")
    assert(object:prepare())
    local prog = object.progs.rejected
    local clone, message, errno, log = prog:clone()
    assert.is_nil(clone)
    assert.matches("^clone 'rejected': Permission denied %(EACCES%).*invalid mem access", message)
    assert.equal(EACCES, errno)
    assert.is_true(#log > #message)
  end))

  it("needs an object that is prepared, and not loaded", needs(NEEDS, function()
    object = open("generable")
    local prog = object.progs.count
    local pattern = "^program 'count' can be cloned after object:prepare%(%) and before "
      .. "object:load%(%)$"
    assert.error_matches(function() prog:clone() end, pattern)
    assert(object:load())
    assert.error_matches(function() prog:clone() end, pattern)
  end))

  it("needs a program that is to be loaded", needs(NEEDS, function()
    object = open("generable")
    object.progs.other:set_autoload(false)
    assert(object:prepare())
    assert.error_matches(function() object.progs.other:clone() end,
      "^program 'other' cannot be cloned: its autoload is off$")
  end))

  describe("of a program with a handler", function()
    local id

    after_each(function()
      if id then
        lbpf.unregister_prog_handler(id)
        id = nil
      end
    end)

    -- A prepared object whose program has the handler.
    local function prepared(prepare_load)
      id = assert(lbpf.register_prog_handler("abc+", "kprobe", nil,
        {prog_prepare_load_fn = prepare_load}))
      object = open("handlers")
      for prog in object:each_program() do
        prog:set_autoload(prog:section_name():match("^abc") ~= nil)
      end
      assert(object:prepare())
      return object.progs.abc1
    end

    it("calls it", needs(NEEDS, function()
      local calls = {}
      local prog = prepared(function(of, opts)
        calls[#calls + 1] = of:name()
        opts.expected_attach_type = 0
      end)
      assert(prog:clone())
      assert(prog:clone())
      assert.same({"abc1", "abc1"}, calls)
    end))

    it("raises its error, and returns what it refuses", needs(NEEDS, function()
      local problem = {}
      local prog = prepared(function(_, _)
        if problem then
          error(problem)
        end
        return nil, "not today", EACCES
      end)
      local _, caught = pcall(prog.clone, prog)
      assert.equal(problem, caught)
      problem = nil
      local clone, message, errno = prog:clone()
      assert.is_nil(clone)
      assert.matches("^clone 'abc1': Permission denied %(EACCES%).*not today", message)
      assert.equal(EACCES, errno)
    end))

    it("is not made inside it", needs(NEEDS, function()
      local caught
      local prog = prepared(function(of)
        local _
        _, caught = pcall(of.clone, of)
      end)
      assert(prog:clone())
      assert.matches("clone", caught)
    end))
  end)
end)
