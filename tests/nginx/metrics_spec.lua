-- examples/metrics, scraped by Prometheus itself.
local child = require "child"
local lbpf = require "lbpf"
local nginx = require "nginx"
local pinned = require "lbpf.pinned"

local PIN = "/sys/fs/bpf/metrics"

describe("examples/metrics", function()
  local server, prometheus, dir

  setup(function()
    server = nginx.example("examples/metrics")
    dir = os.tmpname()
    os.remove(dir)
    assert(child.succeeds("mkdir " .. dir))
    assert(child.succeeds(("sed 's/5s/200ms/' examples/metrics/prometheus.yml >%s/prometheus.yml")
      :format(dir)))
    prometheus = io.popen(("echo $$; exec prometheus --config.file=%s/prometheus.yml "
      .. "--storage.tsdb.path=%s/data --web.listen-address=127.0.0.1:9090 >%s/log 2>&1")
      :format(dir, dir, dir))
  end)

  teardown(function()
    nginx.kill(tonumber(prometheus:read("*l")), "KILL")
    prometheus:close()
    server:stop()
    pinned.remove(PIN)
    child.succeeds("rm -r " .. dir)
  end)

  -- The value that Prometheus has for an expression.
  local function query(expression)
    local text = nginx.get("http://127.0.0.1:9090/api/v1/query?query=" .. expression)
    return text and text:match('"value":%[[%d.]+,"([^"]+)"%]')
  end

  local function execs(comm)
    local map = assert(lbpf.map(PIN .. "/execs"))
    local n = map:lookup({comm = comm})
    map:close()
    return n and tonumber(n)
  end

  it("tells Prometheus what the maps hold", function()
    assert(child.succeeds("ln -s /bin/true " .. dir .. "/exec_me"))
    for _ = 1, 7 do
      assert(child.succeeds(dir .. "/exec_me"))
    end
    assert.equal(7, execs("exec_me"))
    child.wait_until(function() return query("exec_total%7Bcomm=%22exec_me%22%7D") == "7" end)
    assert(child.succeeds(dir .. "/exec_me"))
    server:reload() -- counters go on
    assert(child.succeeds(dir .. "/exec_me"))
    child.wait_until(function() return query("exec_total%7Bcomm=%22exec_me%22%7D") == "9" end)
  end)

  it("has histograms of which Prometheus makes quantiles", function()
    local p50
    child.wait_until(function()
      p50 = tonumber(query("histogram_quantile(0.5,run_queue_seconds_bucket)") or nil)
      return p50
    end)
    assert.is_true(p50 > 0 and p50 < 1)
    local text, status = nginx.get("http://127.0.0.1:9435/metrics")
    assert.equal(200, status)
    local all = tonumber(text:match('run_queue_seconds_bucket{le="%+Inf"} (%d+)'))
    assert.equal(all, tonumber(text:match("run_queue_seconds_count (%d+)")))
    assert.is_true(tonumber(text:match("run_queue_seconds_sum ([%d.e+-]+)")) > 0)
  end)

  it("prints the same from a script", function()
    local text = child.output("luajit examples/metrics/metrics.lua 0.2")
    assert.matches("# TYPE exec_total counter", text)
    assert.matches("run_queue_seconds_count %d+", text)
  end)
end)
