-- examples/waf, as an operator runs it.
local child = require "child"
local lbpf = require "lbpf"
local network = require "network"
local nginx = require "nginx"
local pinned = require "lbpf.pinned"

local PEER = "ip netns exec peer"
local SITE = "http://10.77.0.1:8080/"
local STATUS = "http://127.0.0.1:8080/waf/"

describe("examples/waf", function()
  local server

  setup(function()
    network.up()
    network.ip("route add default dev near")
    server = nginx.example("examples/waf", {seconds = 3, limit = 5})
  end)

  teardown(function()
    server:stop()
    pinned.remove("/sys/fs/bpf/waf")
    network.down()
  end)

  local function answers()
    return child.succeeds(PEER .. " curl -s -m 0.3 -o /dev/null " .. SITE)
  end

  local function page()
    return (nginx.get(STATUS))
  end

  it("watches the interface of the default route", function()
    assert.is_true(lbpf.xdp_query_id("near") ~= nil)
    assert.matches("Interface near: %d+ packets passed, 0 dropped", page())
    assert.matches("<h1>0 addresses banned</h1>", page())
  end)

  it("bans clients that request a trap, for a time", function()
    assert.is_true(answers())
    nginx.get(SITE .. "wp-login.php", PEER)
    assert.is_false(answers())
    assert.matches("<h1>1 address banned</h1>", page())
    assert.matches("<td>10.77.0.2<td>[1-9]%d*<td>[123]<td>", page())
    child.wait_until(answers)
    assert.matches("<h1>0 addresses banned</h1>", page())
  end)

  it("bans who asks too often, until it is told otherwise", function()
    child.wait_until(function() return not answers() end)
    assert.matches("10.77.0.2", page())
    assert.is_true(child.succeeds("curl -s -o /dev/null -X POST '" .. STATUS .. "unban?10.77.0.2'"))
    assert.matches("<h1>0 addresses banned</h1>", page())
    assert.is_true(answers())
  end)

  it("keeps bans over a reload", function()
    nginx.get(SITE .. ".env", PEER)
    server:reload()
    assert.matches("10.77.0.2", page())
    assert.is_false(answers())
    child.wait_until(answers)
  end)

  it("does not ban itself", function()
    nginx.get("http://127.0.0.1:8080/.env")
    assert.matches("<h1>0 addresses banned</h1>", page())
  end)
end)
