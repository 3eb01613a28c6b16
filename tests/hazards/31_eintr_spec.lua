-- Hazard 31: A signal may interrupt a wait. It does not shorten the wait; Ctrl-C ends it.
local child = require "child"
local needs = require "needs"

local SCRIPT = [[
  local rings, lbpf = require "rings", require "lbpf"
  local object = rings.load()
  local ring = assert(lbpf.ring_buffer(object.maps.first, print))
  local function uptime()
    return io.open("/proc/uptime"):read("*n")
  end
  local start = uptime()
  print("returned", ring:poll(%d))
  print("waited", uptime() - start)
]]

describe("a signal", function()
  local function signal(process, name)
    assert.is_true(child.succeeds(("kill -%s %d"):format(name, process.pid)))
  end

  -- The kernel interrupts a wait that is stopped and continued, though no handler runs.
  local function interrupt(process)
    child.wait_for_epoll(process.pid)
    signal(process, "STOP")
    child.wait_for_stop(process.pid)
    signal(process, "CONT")
  end

  it("does not shorten a wait with a timeout", needs("root", function()
    local process = child.lua(SCRIPT:format(500))
    interrupt(process)
    local text = process.answers:read("*a")
    process.answers:close()
    assert.matches("^returned\t0\nwaited\t", text)
    assert.is_true(tonumber(text:match("waited\t([%d.]+)")) >= 0.49) -- uptime tells 10 ms
  end))

  it("does not end a wait without one, but Ctrl-C does, at once", needs("root", function()
    local process = child.lua(SCRIPT:format(-1))
    interrupt(process)
    interrupt(process)
    child.wait_for_epoll(process.pid)
    signal(process, "INT")
    local text = process.answers:read("*a")
    process.answers:close()
    assert.matches("interrupted!", text, 1, true)
    assert.not_matches("returned", text, 1, true)
  end))

  it("as Ctrl-C ends a wait with a timeout, too", needs("root", function()
    local process = child.lua(SCRIPT:format(600000))
    child.wait_for_epoll(process.pid)
    signal(process, "INT")
    local text = process.answers:read("*a")
    process.answers:close()
    assert.matches("interrupted!", text, 1, true)
    assert.not_matches("returned", text, 1, true)
  end))
end)
