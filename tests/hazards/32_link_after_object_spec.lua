-- Hazard 32: A USDT link that is destroyed after its object makes libbpf read freed memory. Links
-- are destroyed before their object, in whatever order handles are closed or collected.
local child = require "child"
local events = require "events"
local fds = require "fds"
local needs = require "needs"

local COOKIES = {"root", "cookies"}

-- Calls fn with each order of the list's elements.
local function each_order(list, fn, n)
  n = n or #list
  if n == 1 then
    return fn(list)
  end
  for i = 1, n do
    list[n], list[i] = list[i], list[n]
    each_order(list, fn, n - 1)
    list[n], list[i] = list[i], list[n]
  end
end

local function collect()
  collectgarbage()
  collectgarbage()
end

-- What a script can do; parts holds all that it has.
local actions = {
  function(parts) if parts.object then parts.object:close() end end,
  function(parts) if parts.link then parts.link:destroy() end end,
  function(parts) parts.object, parts.prog = nil, nil collect() end,
  function(parts) parts.link = nil collect() end,
}

local attach = {
  usdt = function(object, probed)
    return object.progs.on_usdt, object.progs.on_usdt:attach_usdt(probed.pid, probed.path,
      "lbpf_test", "called")
  end,
  uprobe = function(object, probed)
    return object.progs.entry, object.progs.entry:attach_uprobe(probed.pid, probed.path, nil,
      {func_name = "probe_add"})
  end,
}

describe("links and their object", function()
  local probed

  before_each(function()
    probed = child.probe_me()
  end)

  after_each(function()
    probed:stop()
  end)

  for kind, how in pairs(attach) do
    it("go in any order: " .. kind, needs("root", function()
      local before = fds.count()
      each_order(actions, function(order)
        local parts = {object = events.load("attach_user", 0)}
        parts.prog, parts.link = how(parts.object, probed)
        assert(parts.link)
        for _, act in ipairs(order) do
          act(parts)
        end
      end)
      assert.equal(before, fds.count())
      assert.equal("1001", probed:call("add 1"))
      assert.equal("1", probed:call("usdt 1"))
    end))
  end

  it("go when their ties have been cut", needs("root", function()
    local before = fds.count()
    for _, first in ipairs({"object", "link"}) do
      local object = events.load("attach_user", 0)
      local prog, link = attach.usdt(object, probed)
      local cut = debug.setuservalue or debug.setfenv -- luacheck: ignore 143
      for _, part in ipairs({object, prog, link}) do
        cut(part, {})
      end
      if first == "object" then
        object, prog = nil, nil -- luacheck: ignore 311
        collect()
        pcall(link.destroy, link) -- which may miss what was cut off
      else
        link = nil -- luacheck: ignore 311
        collect()
        object:close()
      end
    end
    assert.equal(before, fds.count())
  end))

  it("of many programs are all destroyed by close", needs(COOKIES, function()
    local before = fds.count()
    local object = events.load("attach_user", 0)
    local links = {}
    for i = 1, 20 do
      links[i] = select(2, attach[i % 2 == 0 and "usdt" or "uprobe"](object, probed))
    end
    for i = 1, 20, 3 do
      assert.is_true(links[i]:destroy())
    end
    object:close()
    assert.equal(before, fds.count())
    for i = 1, 20 do
      assert.is_true(links[i]:destroy())
    end
  end))

  -- What libbpf reads there must not pass for good: as it was left for AddressSanitizer to find the
  -- second free, else all ones, with which its sum of sizes overflows to none.
  it("go where freed memory is such that libbpf would stumble", needs(COOKIES, function()
    local text, status = child.output(("ASAN_OPTIONS=$ASAN_OPTIONS:max_free_fill_size=0 "
      .. "GLIBC_TUNABLES=glibc.malloc.tcache_count=0 MALLOC_PERTURB_=255 %s -e '%s'")
      :format(os.getenv("LBPF_LUA"), [[
        local probed = require("child").probe_me()
        local object = require("events").load("attach_user", 0)
        local links = {}
        for i = 1, 4 do
          links[i] = assert(object.progs.on_usdt:attach_usdt(probed.pid, probed.path, "lbpf_test",
            "called"))
        end
        links[1]:destroy()
        object:close()
        print(links[2], links[2]:destroy())
        probed:stop()
      ]]))
    assert.equal("lbpf.link: on_usdt (destroyed)\ttrue\n", text)
    assert.equal(0, status)
  end))
end)
