-- examples/latency, as an operator runs it.
local child = require "child"
local nginx = require "nginx"
local pinned = require "lbpf.pinned"

local SITE = "http://127.0.0.1:8080/"

describe("examples/latency", function()
  local server

  setup(function()
    server = nginx.example("examples/latency")
  end)

  teardown(function()
    server:stop()
    pinned.remove("/sys/fs/bpf/latency")
  end)

  -- How many requests each histogram has, and its largest slot.
  local function parts()
    local all = {}
    for name, n, rows in (nginx.get(SITE .. "latency")):gmatch(
      "<h2>(%a+)</h2><p>(%d+) requests</p><table>(.-)</table>") do
      all[name] = {n = tonumber(n), last = rows:match(".*<th>(.-)<td>")}
    end
    return all
  end

  it("splits the time of each request", function()
    for _ = 1, 20 do
      assert.equal(200, select(2, nginx.get(SITE)))
    end
    assert.equal(200, select(2, nginx.get(SITE .. "slow")))
    local all
    child.wait_until(function()
      all = parts()
      return all.queue.n >= 21 and all.nginx.n >= 21 and all.network.n >= 21
    end)
    assert.equal("34 ms", all.nginx.last) -- from 2^25 to 2^26 ns: the slow one's 50 ms
    assert.matches("s$", all.queue.last)
    assert.are_not.equal("34 ms", all.network.last)
  end)
end)
