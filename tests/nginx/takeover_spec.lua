-- What is pinned survives whatever happens to nginx: no packet passes that is to be dropped.
local bytes = require "bytes"
local child = require "child"
local lbpf = require "lbpf"
local lfs = require "lfs"
local nginx = require "nginx"
local pinned = require "lbpf.pinned"

local PIN = "/sys/fs/bpf/takeover"
local PAGE = "http://127.0.0.1:8080/"

local function conf(version, extra)
  return nginx.conf("worker_processes 2; env LBPF_TEST; events {}", ([[
    init_by_lua_block {
      local bpf = require "resty.lbpf"
      object = assert(bpf.load("build/bpf/takeover.bpf.o", {
        pin = "%s", attach = {{"guard", "attach_xdp", "lo"}},
        setup = function(object) object.vars.version = %d end,
      }))
      %s
    }
    server {
      listen 127.0.0.1:8080;
      location /block {
        content_by_lua_block {
          assert(object.maps.guard_blocked:update(0x0100007f, 0))
          ngx.say("version %d")
        }
      }
      location / {
        content_by_lua_block { ngx.say("version %d") }
      }
    }]]):format(PIN, version, extra or "", version, version))
end

local function seen(version)
  local map = assert(lbpf.obj_get(PIN .. "/guard_seen"))
  local n = bytes.number(lbpf.map_lookup(map, bytes.u32(version)))
  map:close()
  return n
end

-- Datagrams that are to be dropped, for as long as FN runs.
local function under_fire(fn)
  local fifo = os.tmpname()
  os.remove(fifo)
  assert(child.succeeds("mkfifo " .. fifo))
  local stream = assert(io.popen("exec build/helpers/stream <" .. fifo))
  local input = assert(io.open(fifo, "w"))
  os.remove(fifo)
  local ok, problem = pcall(fn)
  input:write("stop") -- an nginx that was started meanwhile holds the file, too
  input:close()
  local sent, arrived = stream:read("*a"):match("(%d+) (%d+)")
  stream:close()
  assert(ok, problem)
  return tonumber(sent), tonumber(arrived)
end

-- How many maps, programs and links the kernel has that are this object's; and how many it should.
local ALL = 3 + 2 + 2

local function kernel_has()
  local ours = {guard_seen = true, guard_blocked = true, guard_outdated = true, guard = true,
    guard_trace = true}
  local n, progs = 0, {}
  for map, fd in lbpf.maps() do
    n = n + (ours[map.name] and 1 or 0)
    fd:close()
  end
  for prog, fd in lbpf.programs() do
    if ours[prog.name] then
      n, progs[prog.id] = n + 1, true
    end
    fd:close()
  end
  for link, fd in lbpf.links() do
    n = n + (progs[link.prog_id] and 1 or 0)
    fd:close()
  end
  return n
end

local function bpf_fds(pid)
  local n = {all = 0, ["bpf-map"] = 0, ["bpf-prog"] = 0, ["bpf_link"] = 0, ["bpf-link"] = 0}
  for name in lfs.dir("/proc/" .. pid .. "/fd") do
    local target = lfs.symlinkattributes("/proc/" .. pid .. "/fd/" .. name, "target") or ""
    n.all = n.all + 1
    local kind = target:match("^anon_inode:%[?(bpf[-_]%w+)")
    if kind then
      n[kind] = n[kind] + 1
    end
  end
  return n
end

describe("nginx", function()
  local server

  local function block()
    assert.equal("version 1\n", (nginx.get(PAGE .. "block")))
  end

  local function version()
    return (nginx.get(PAGE))
  end

  before_each(function()
    server = nginx.start(conf(1))
    block()
  end)

  after_each(function()
    server:stop()
    assert.is_true(pinned.remove(PIN))
    child.wait_until(function() return kernel_has() == 0 end)
  end)

  it("drops all that it is to drop through ten reloads", function()
    server:reload() -- the first may leave caches behind
    local before, fds = seen(1), bpf_fds(server.master)
    local sent, arrived = under_fire(function()
      for _ = 1, 10 do
        server:reload()
      end
    end)
    assert.equal(0, arrived)
    assert.equal(before + sent, seen(1))
    child.wait_until(function() return kernel_has() == ALL end)
    child.wait_until(function() return bpf_fds(server.master).all <= fds.all end)
    assert.same(fds, bpf_fds(server.master))
    for _, pid in ipairs(server:workers()) do
      local worker = bpf_fds(pid)
      assert.equal(0, worker["bpf-prog"])
      assert.equal(0, worker["bpf_link"] + worker["bpf-link"])
      assert.equal(4, worker["bpf-map"])
    end
  end)

  it("drops it while workers are killed", function()
    local _, arrived = under_fire(function()
      for _ = 1, 2 do
        for _, pid in ipairs(server:workers()) do
          server:kill_worker(pid)
        end
      end
    end)
    assert.equal(0, arrived)
    assert.equal(ALL, kernel_has())
    assert.equal("version 1\n", version())
  end)

  it("drops it while it is restarted", function()
    local before = seen(1)
    local sent, arrived = under_fire(function()
      for _, signal in ipairs({"QUIT", "TERM", "KILL"}) do
        if signal == "KILL" then
          for _, pid in ipairs(server:workers()) do
            nginx.kill(pid, "STOP") -- they would go on without a master
          end
          local workers = server:workers()
          nginx.kill(server.master, "KILL")
          for _, pid in ipairs(workers) do
            nginx.kill(pid, "KILL")
          end
          child.wait_until(function() return not nginx.is_alive(server.master) end)
        end
        server:stop(signal)
        server = nginx.start(conf(1))
      end
    end)
    assert.equal(0, arrived)
    assert.equal(before + sent, seen(1))
  end)

  it("drops it while the binary is replaced", function()
    local old = server.master
    local _, arrived = under_fire(function()
      server:configure(conf(2))
      nginx.kill(old, "USR2")
      local new
      child.wait_until(function()
        local file = io.open(server.dir .. "/nginx.pid")
        new = file and tonumber(file:read("*a"))
        if file then
          file:close()
        end
        return new and new ~= old and #server:workers(new) == 2
      end)
      nginx.kill(old, "QUIT")
      child.wait_until(function() return not nginx.is_alive(old) end)
      server.master = new
    end)
    assert.equal(0, arrived)
    assert.equal("version 2\n", version())
    assert.is_true(seen(2) > 0)
    child.wait_until(function() return kernel_has() == ALL end)
  end)

  it("drops it while reloads fail, and stays as it is", function()
    local fds = bpf_fds(server.master)
    local _, arrived = under_fire(function()
      for i, wrong in ipairs({
        conf(2):gsub("events {}", "event {}"),
        conf(2, "error('too bad')"),
        (conf(2):gsub('"lo"', '"none"')),
        (conf(2):gsub("takeover.bpf.o", "takeover_other.bpf.o")
          :gsub("object.vars.version = 2", "")),
      }) do
        local workers = table.concat(server:workers(), " ")
        server:configure(wrong)
        nginx.kill(server.master, "HUP")
        child.wait_until(function()
          local _, n = server:log():gsub("signal 1 %(SIGHUP%) received", "")
          local _, failed = server:log():gsub("%[emerg%]", "")
          local _, errors = server:log():gsub("%[error%]", "")
          return n == i and failed + errors >= i
        end)
        assert.equal(workers, table.concat(server:workers(), " "))
      end
    end)
    assert.equal(0, arrived)
    assert.equal("version 1\n", version())
    server:configure(conf(1))
    server:reload()
    child.wait_until(function() return kernel_has() == ALL end)
    child.wait_until(function() return bpf_fds(server.master).all <= fds.all end)
    assert.same(fds, bpf_fds(server.master))
  end)

  -- nginx binds after init_by_lua, and runs nothing of ours when that fails.
  it("has new programs under the old configuration if it fails later, and recovers", function()
    local _, arrived = under_fire(function()
      server:configure((conf(2):gsub("127.0.0.1:8080", "192.0.2.1:8080")))
      assert.is_true(child.output(("/usr/sbin/nginx -t -p %s -c nginx.conf"):format(server.dir))
        :find("bind() to 192.0.2.1:8080 failed", 1, true) ~= nil)
      assert.equal(0, seen(2)) -- that test loads nothing
      nginx.kill(server.master, "HUP")
      child.wait_until(function()
        local _, failed = server:log():gsub("bind%(%) to 192.0.2.1:8080 failed", "")
        return failed == 2 and seen(2) > 0
      end)
    end)
    assert.equal(0, arrived)
    assert.equal("version 1\n", version())
    child.wait_until(function() return kernel_has() == ALL end)
    server:configure(conf(1))
    server:reload()
    local before = seen(1)
    local sent = under_fire(function() end)
    assert.equal(before + sent, seen(1))
    child.wait_until(function() return kernel_has() == ALL end)
  end)

  it("leaves workers no way to change what is attached", function()
    assert.equal(2, tonumber(io.open("/proc/sys/kernel/unprivileged_bpf_disabled"):read("*a")))
    for _, pid in ipairs(server:workers()) do
      assert.equal(33, lfs.attributes("/proc/" .. pid, "uid"))
    end
  end)
end)
