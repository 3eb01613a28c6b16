-- What finalizers_spec runs in a process of its own: where little is in memory, collections are
-- fast, and a finalizer comes at many more allocations.
local fds = require "fds"
local garbage = require "garbage"
local lbpf = require "lbpf"
local typed = require "typed"

local PATH = "build/bpf/typed_events.bpf.o"
-- Enough for a finalizer to come at every allocation; under emulation that would take minutes.
local ROUNDS = os.getenv("LBPF_CELL") == "host" and 300 or 10

-- Makes things by NEW and uses each until a finalizer has closed it, many times over. USE may raise
-- that it is closed, and nothing else.
local function close_while(new, use)
  collectgarbage("setpause", 1)
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
    assert(ok or message:find("is closed$"), message)
    one:close()
  end
end

local programs = {}

function programs.types()
  close_while(function()
    return assert(lbpf.open(PATH))
  end, function(object)
    assert(object:codec("opened", {fields = {"pid", "comm"}}))
  end)
end

function programs.parts()
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
end

function programs.btf()
  close_while(function()
    return assert(lbpf.btf_parse(PATH))
  end, function(btf)
    for id = 1, 10 do
      btf:type_by_id(id)
    end
    assert(btf:dump_c())
  end)
end

function programs.descriptors()
  local before = fds.count()
  close_while(function()
    return assert(assert(lbpf.open(PATH)):load())
  end, function(object)
    assert(object:codec "opened")
  end)
  assert(fds.count() == before, "descriptors are left")
end

-- A finalizer that pulls an event while another is read into the table that is filled again.
function programs.reused()
  local object = typed.load()
  for _, kind in ipairs(typed.kinds) do
    local pulled = 0
    local ring = assert(lbpf.ring_buffer(object.maps.events, nil,
      {type = kind.type, layout = kind.layout, reuse = true}))
    local function check(e)
      assert(e.at[1].x == -e.pid and e.at[2].y == 2 * e.pid, "an event of two")
    end
    local function pull()
      local e = ring:next(0)
      if e then
        pulled = pulled + 1
        check(e)
      end
    end
    garbage.collecting(function()
      for _ = 1, ROUNDS do
        object.vars.n = 0
        typed.run(object, "send", 60)
        for e in ring:events(0) do
          check(e)
          e.at = nil -- so that reading the next one allocates
          garbage.drop(pull)
        end
      end
    end)
    assert(pulled > 0)
    collectgarbage() -- what is left pulls before the ring is closed
    collectgarbage()
    ring:close()
  end
end

return programs
