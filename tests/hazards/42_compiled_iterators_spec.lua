-- 42: LuaJIT's traces keep the C closures that they call. What an iterator refers to must not stay
-- for that.
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

describe("hazard 42: objects are collected, whatever was compiled:", function()
  -- Unlike fds.count(), with all traces left as they are.
  local function count()
    local n = 0
    for _ in pairs(fds.list()) do
      n = n + 1
    end
    return n
  end

  -- So many lives of an object; in each the same loops are compiled.
  local function live(life)
    local before
    for i = 1, 60 do
      life()
      for _ = 1, 4 do
        collectgarbage()
      end
      before = before or i == 10 and count()
    end
    assert.is_true(count() <= before + 2)
  end

  local function load(name)
    local object = assert(lbpf.open("build/bpf/" .. name .. ".bpf.o"))
    for prog in object:each_program() do
      prog:set_autoload(false)
    end
    return assert(object:load())
  end

  it("loops over maps that came to their end", needs("root", function()
    live(function()
      local map = load("compiled").maps.u32
      map:update(1, 2)
      map:update(2, 3)
      for key, value in map:pairs() do
        assert(key + 1 == value)
      end
    end)
  end))

  it("loops over maps that were left", needs("root", function()
    live(function()
      local maps = load("compiled").maps
      for i = 1, 10 do
        maps.u32:update(i, 2)
      end
      for i = 1, 70 do -- a trace for each loop
        for _, value in maps.u32:pairs() do
          if value == 2 or i == 1 then
            break
          end
        end
        for _ in maps.per_cpu:pairs() do -- luacheck: ignore 512
          break
        end
      end
    end)
  end))

  it("loops over events", needs("root", function()
    live(function()
      local object = assert(assert(lbpf.open("build/bpf/typed_events.bpf.o")):load())
      for _, opts in ipairs {{type = "struct opened", fields = {"pid"}}, {}} do
        local ring = assert(lbpf.ring_buffer(object.maps.events, nil, opts))
        for _ = 1, 70 do
          assert(object.progs.send:test_run {})
          for event in ring:events(0) do -- luacheck: ignore 512
            assert(event)
            break
          end
        end
        ring:close()
      end
    end)
  end))
end)
