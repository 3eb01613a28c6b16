-- A ring buffer keeps the object of its map, and lets go of it.
local child = require "child"
local events = require "events"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

local function rename()
  os.rename("no/such/file", "no/such/file either")
end

-- All that is left of the object is what MAKE returns of it.
local function only(make)
  local object = events.load("attach_section")
  assert(object.progs.named:attach())
  return make(object), lbpf.prog_get_info_by_fd(object.progs.named).id
end

local function exists(program)
  return (lbpf.prog_get_fd_by_id(program)) ~= nil
end

-- Whoever lists this machine's programs has a descriptor for a moment.
local function assert_gone(program)
  fds.settle()
  child.wait_until(function() return not exists(program) end)
end

describe("a ring buffer whose object was forgotten", function()
  it("gets its events, until it is closed", needs({"root", "tracefs"}, function()
    local n = 0
    local ring, program = only(function(object)
      return assert(lbpf.ring_buffer(object.maps.events, function() n = n + 1 end))
    end)
    fds.settle()
    rename()
    assert.equal(1, ring:consume())
    assert.equal(1, n)
    ring:close()
    assert_gone(program)
  end))

  it("lets go of it when it is forgotten, too", needs({"root", "tracefs"}, function()
    local ring, program = only(function(object)
      return assert(lbpf.ring_buffer(object.maps.events))
    end)
    fds.settle()
    assert.is_true(exists(program))
    assert.is_truthy(ring)
    ring = nil -- luacheck: ignore
    assert_gone(program)
  end))

  it("is collected with it, even if its function uses it", needs({"root", "tracefs"}, function()
    local _, program = only(function(object)
      local ring
      ring = assert(lbpf.ring_buffer(object.maps.events, function()
        return object.maps.target and ring
      end))
      object.maps.target:view {raw = true}
    end)
    assert_gone(program)
  end))

  it("is not kept by compiled loops", needs({"root", "tracefs"}, function()
    local before = fds.count()
    for _ = 1, 100 do
      local ring = only(function(object)
        return assert(lbpf.ring_buffer(object.maps.events))
      end)
      local n = 0
      for _ = 1, 100 do
        rename()
      end
      while ring:next(0) do
        n = n + 1
      end
      assert.equal(100, n)
      ring = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
    end
    local left = -before
    for _ in pairs(fds.list()) do -- without fds.settle(), which throws compiled code away
      left = left + 1
    end
    assert.is_true(left < 60, left)
  end))

  it("may be a user ring buffer", needs({"root", "user rings"}, function()
    local object = assert(lbpf.open("build/bpf/userring.bpf.o"))
    assert(object:load())
    local program = lbpf.prog_get_info_by_fd(object:next_program()).id
    local ring = assert(lbpf.user_ring_buffer(object.maps.samples))
    object = nil -- luacheck: ignore
    fds.settle()
    assert.is_true(exists(program))
    ring:close()
    assert_gone(program)
  end))
end)
