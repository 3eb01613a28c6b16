-- Hazard 35: Descriptors could leak into other programs, or be closed twice. They are close-on-
-- exec, and borrowed ones are not closed.
local child = require "child"
local events = require "events"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"
local rings = require "rings"

-- O_CLOEXEC, 02000000 in octal digits
local function is_cloexec(fd)
  local file = io.open("/proc/self/fdinfo/" .. fd)
  local flags = file and file:read("*a"):match("flags:%s*(%d+)")
  if file then
    file:close()
  end
  return flags and math.floor(tonumber(flags, 8) / 2 ^ 19) % 2 == 1
end

describe("descriptors", function()
  local objects, kept, probed

  -- One of everything that has a descriptor.
  before_each(needs({"root", "tracefs"}, function()
    probed = child.probe_me()
    local event = events.load("attach_event")
    local user = events.load("attach_user", probed.kernel_pid)
    local ring = rings.load()
    objects = {event, user, ring}
    kept = {
      rings = assert(lbpf.ring_buffer(ring.maps.first, print)),
      unused = assert(lbpf.perf_event_open({type = 1, config = 0, disabled = true}, 0)),
      perf = assert(lbpf.perf_event_open({type = 1, config = 0, disabled = true}, 0)),
    }
    assert(kept.rings:add(ring.maps.second, print))
    assert(event.progs.on_tracepoint:attach_tracepoint("syscalls", "sys_enter_rename"))
    assert(event.progs.on_raw_tracepoint:attach_raw_tracepoint("sys_enter"))
    assert(event.progs.on_perf_event:attach_perf_event(kept.perf))
    assert(event.progs.on_perf_event:attach_perf_event(kept.unused:fileno()))
    assert(user.progs.entry:attach_uprobe(nil, probed.path, probed.offset))
    user.progs.on_usdt:attach_usdt(probed.pid, probed.path, "lbpf_test", "called")
  end))

  after_each(function()
    kept.rings:close()
    kept.unused:close()
    for _, object in ipairs(objects) do
      object:close()
    end
    probed:stop()
  end)

  local function is_ours(target)
    return target:match("anon_inode:") ~= nil
  end

  it("are all closed on exec", needs({"root", "tracefs"}, function()
    local n = 0
    for fd, target in pairs(fds.list()) do
      if is_ours(target) then
        n = n + 1
        assert.is_true(is_cloexec(fd), target)
      end
    end
    -- 3 objects' programs and maps, 7 links, 3 perf events, the ring buffer's two
    assert.is_true(n > 25, n)
  end))

  it("are not seen by a program that the script starts", needs({"root", "tracefs"}, function()
    local text = child.output("ls -l /proc/self/fd")
    assert.not_matches("anon_inode", text, 1, true)
  end))

  it("that are lent stay open until their owner goes", needs({"root", "tracefs"}, function()
    local event, ring = objects[1], objects[3]
    local lent = {
      event.progs.on_raw_tracepoint:fd(), event.maps.target:fd(),
      event.links.on_raw_tracepoint:fd(), kept.rings:epoll_fd(), kept.unused:fileno(),
      ring.progs.fill:fd(),
    }
    collectgarbage()
    collectgarbage()
    local list = fds.list()
    for _, fd in ipairs(lent) do
      assert.is_true(is_ours(list[fd] or "closed"))
    end
    kept.rings:close()
    kept.unused:close()
    event:close()
    ring:close()
    list = fds.list()
    for _, fd in ipairs(lent) do
      assert.is_false(is_ours(list[fd] or "closed"))
    end
  end))

  it("of a link are taken by number, never closed for it", needs({"root", "tracefs"}, function()
    local number = kept.unused:fileno()
    local list = fds.list()
    assert.equal("anon_inode:[perf_event]", list[number])
    objects[1]:close()
    assert.equal("anon_inode:[perf_event]", fds.list()[number])
  end))
end)
