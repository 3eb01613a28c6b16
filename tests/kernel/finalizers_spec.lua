-- Lua runs finalizers wherever it allocates: in the middle of any method. What they do to the
-- objects that the method uses must not pull those away under it.
local fds = require "fds"
local garbage = require "garbage"
local lbpf = require "lbpf"
local needs = require "needs"

local PATH = "build/bpf/typed_events.bpf.o"
-- Enough for a finalizer to come at every allocation; under emulation that would take minutes.
local ROUNDS = os.getenv("LBPF_CELL") == "host" and 300 or 10

-- Makes things by NEW and uses each until a finalizer has closed it, many times over. USE may raise
-- that it is closed, and nothing else.
local function close_while(new, use)
  collectgarbage("setpause", 1)
  finally(function() collectgarbage("setpause", 200) end)
  for _ = 1, ROUNDS do
    local one, closed = new(), false
    local ok, message
    repeat
      garbage.drop(function()
        closed = true
        one:close()
      end)
      ok, message = pcall(use, one)
    until closed
    if not ok then
      assert.matches("is closed$", message)
    end
    one:close()
  end
end

describe("a finalizer", function()
  it("may close an object whose types are looked at", function()
    close_while(function()
      return assert(lbpf.open(PATH))
    end, function(object)
      assert(object:codec("opened", {fields = {"pid", "comm"}}))
    end)
  end)

  it("may close an object whose parts are walked over", function()
    close_while(function()
      return assert(lbpf.open(PATH))
    end, function(object)
      for _, map in pairs(object.maps) do
        map:name()
      end
      for _, prog in pairs(object.progs) do
        prog:name()
      end
    end)
  end)

  it("may close BTF that is read, or dumped", function()
    close_while(function()
      return assert(lbpf.btf_parse(PATH))
    end, function(btf)
      for id = 1, 10 do
        btf:type_by_id(id)
      end
      assert(btf:dump_c())
    end)
  end)

  it("leaves the descriptors of what it closed to the collector", needs("root", function()
    local before = fds.count()
    close_while(function()
      return assert(assert(lbpf.open(PATH)):load())
    end, function(object)
      assert(object:codec "opened")
    end)
    assert.equal(before, fds.count())
  end))
end)
