-- What 34_fork_spec runs in a program that forks.
local child = require "child"
local events = require "events"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local perf = require "perf"
local rings = require "rings"
local me = child.pid()

-- Runs FN in a child, which then closes its state.
local function in_child(fn)
  assert(host.wait(host.fork(fn or function() end)))
end

local function refused(what, owner, fn, ...)
  local ok, message = pcall(fn, ...)
  local wanted = what .. " belongs to process " .. owner .. "; this is " .. child.pid()
    .. ", forked from it"
  assert(not ok and message:sub(-#wanted) == wanted, message)
end

-- Runs FN in the background: in a child, once this process has ended.
local function in_background(fn)
  host.fork(function()
    child.wait_until(function()
      local file = io.open("/proc/" .. me .. "/stat")
      local stat = file and file:read("*a") or ""
      if file then
        file:close()
      end
      return (stat:match("%) (%a)") or "Z") == "Z" -- nobody has waited for it yet
    end)
    fn()
  end)
  host.leave()
end

local programs = {}

function programs.perf_buffer()
  local object = perf.load()
  local fn, list = rings.collector()
  local buffer = assert(lbpf.perf_buffer(object.maps.events, 8, fn))
  perf.send(object, 2)
  in_child(function()
    for _, method in ipairs({"poll", "consume", "next", "stats", "epoll_fd", "buffer_cnt"}) do
      refused("the perf buffer", me, buffer[method], buffer)
    end
    refused("the perf buffer", me, buffer.buffer, buffer, 0)
  end)
  in_child(function()
    assert(buffer:close())
  end)
  in_child(function()
    assert(object:close())
  end)
  perf.send(object, 3)
  assert(buffer:poll(0) == 5)
  assert(#list == 5 and perf.sent(object) == 5)
end

function programs.perf_buffer_closed()
  local before = fds.count()
  local object = perf.load()
  local buffer = assert(lbpf.perf_buffer(object.maps.events, 8))
  -- What is in memory at the place of the first of its rings.
  local place
  local function memory()
    for line in io.lines("/proc/self/maps") do
      local from, to, what = line:match("^(%x+)%-(%x+) (.*)$")
      place = place or line:find("perf_event", 1, true) and tonumber(from, 16)
      if place and tonumber(from, 16) <= place and place < tonumber(to, 16) then
        return what
      end
    end
  end
  assert(memory():find("perf_event", 1, true))
  in_child(function()
    assert(memory():find("^%-%-%-p")) -- kept free
    assert(buffer:close())
    assert(not (memory() or ""):find("^%-%-%-p"))
    object:close()
    assert(fds.count() == before, fds.count())
  end)
end

function programs.perf_events()
  local object = events.load("attach_event")
  local link = assert(object.progs.on_tracepoint:attach_tracepoint("syscalls",
    "sys_enter_rename"))
  local event = assert(lbpf.perf_event_open({type = 1, config = 0, sample_period = 100000}, 0))
  local clock = assert(object.progs.on_perf_event:attach_perf_event(event))

  local function count(kind)
    local n = 0
    for _, e in ipairs(events.take(object)) do
      n = n + (e.kind == kind and 1 or 0)
    end
    return n
  end

  in_child(function()
    refused("the link of 'on_tracepoint'", me, link.destroy, link)
    refused("the link of 'on_perf_event'", me, clock.destroy, clock)
    local info = link:info()
    if needs.met "perf event links" then
      assert(info.type == "perf_event")
    else -- it is no link of the kernel's
      assert(info == nil)
    end
  end)
  in_child(function()
    assert(getmetatable(link) == false)
    object:close()
  end)
  in_child(function() -- what leaving a scope does
    debug.getmetatable(link).__close(link)
    debug.getmetatable(clock).__close(clock)
    assert(link:destroy() and clock:destroy()) -- they have gone already
  end)
  count(1)
  os.rename("no/such/file", "no/such/file either")
  assert(count(1) == 1)
  count(4)
  child.wait_until(function() return count(4) > 0 end)
  assert(link:destroy())
  os.rename("no/such/file", "no/such/file either")
  assert(count(1) == 0)
end

function programs.uprobes_and_usdt()
  local probed = child.probe_me()
  local object = events.load("attach_user", probed.kernel_pid)
  local uprobe = assert(object.progs.entry:attach_uprobe(probed.pid, probed.path,
    probed.offset))
  local usdt = assert(object.progs.on_usdt:attach_usdt(probed.pid, probed.path,
    "lbpf_test", "called"))
  in_child(function()
    refused("the link of 'entry'", me, uprobe.destroy, uprobe)
    refused("the link of 'on_usdt'", me, usdt.destroy, usdt)
  end)
  probed:call("add 1")
  assert(#events.take(object) == 1)
  probed:call("usdt 5")
  assert(#events.take(object) == 1)
  probed:stop()
end

function programs.struct_ops()
  local congestion = require "congestion"
  local object = assert(lbpf.open("build/bpf/struct_ops.bpf.o"))
  assert(object:load())
  local link = assert(object.maps.algorithm:attach_struct_ops())
  in_child(function()
    refused("the link of 'algorithm'", me, link.destroy, link)
  end)
  assert(congestion.is_registered())
  assert(link:destroy())
  assert(not congestion.is_registered())
end

function programs.links()
  local object = perf.load()
  in_child(function()
    assert(object.links.fill:destroy())
  end)
  perf.send(object, 1)
  assert(perf.sent(object) == 0) -- nobody reads
  local buffer = assert(lbpf.perf_buffer(object.maps.events, 8))
  perf.send(object, 1)
  assert(perf.sent(object) == 1)
  buffer:close()
end

function programs.samples()
  local samples = require "samples"
  local object = samples.load()
  local ring = assert(lbpf.user_ring_buffer(object.maps.samples))
  local sample = assert(ring:reserve(16))
  in_child(function()
    refused("the user ring buffer", me, ring.send, ring, "x")
    refused("the user ring buffer", me, ring.reserve, ring, 8)
    refused("the user ring buffer", me, sample.submit, sample)
    refused("the user ring buffer", me, sample.discard, sample)
    refused("the user ring buffer", me, sample.write, sample, "x")
  end)
  in_child(function()
    ring:close()
  end)
  assert(sample:write("0123456789abcdef"):submit())
  assert(samples.drain(object) == 1)
  assert(samples.kept(object, 1) == "0123456789abcdef")
end

function programs.ring_buffer()
  local object = rings.load()
  local fn, list = rings.collector()
  local ring = assert(lbpf.ring_buffer(object.maps.first, fn))
  rings.send(object, 2)
  in_child(function()
    assert(ring:poll(0) == 2 and #list == 2)
  end)
  rings.send(object, 1)
  assert(ring:poll(0) == 1)
  assert(list[1] == 2)
end

function programs.background()
  local before = fds.count()
  local object = perf.load()
  local reports = events.load("attach_event", 0)
  local link = assert(reports.progs.on_tracepoint:attach_tracepoint("syscalls",
    "sys_enter_rename"))
  local fn, list = rings.collector()
  local buffer = assert(lbpf.perf_buffer(object.maps.events, 8, fn))
  perf.send(object, 1)
  in_background(function()
    perf.send(object, 1) -- there is no memory for it until somebody reads
    assert(buffer:poll(0) == 0)
    perf.send(object, 2)
    assert(buffer:poll(-1) == 2 and list[1] == 2 and list[2] == 3)
    -- its own children are no heirs
    local server = child.pid()
    in_child(function()
      refused("the perf buffer", server, buffer.poll, buffer)
      refused("the link of 'on_tracepoint'", server, link.destroy, link)
    end)
    reports.maps.target:update(0, child.kernel_pid())
    events.take(reports)
    perf.send(object, 1)
    assert(buffer:poll(0) == 1)
    assert(#events.take(reports) == 1)
    assert(link:destroy())
    assert(buffer:close())
    perf.send(object, 1)
    assert(perf.sent(object) == 4)
    object:close()
    reports:close()
    object, reports, buffer, link = nil, nil, nil, nil
    assert(fds.count() == before, fds.count())
    print("done")
  end)
end

return programs
