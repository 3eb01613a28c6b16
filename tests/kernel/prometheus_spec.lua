-- Maps as metrics in Prometheus' text format.
local lbpf = require "lbpf"
local needs = require "needs"
local prometheus = require "lbpf.prometheus"

local function lines(...)
  return table.concat({...}, "\n") .. "\n"
end

-- The lines of the text, in a certain order: a hash map has none.
local function sorted(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  table.sort(list)
  return table.concat(list, "\n") .. "\n"
end

describe("lbpf.prometheus", function()
  local object, maps

  setup(needs("root", function()
    object = assert(lbpf.open("build/bpf/metric.bpf.o"))
    assert(object:load())
    maps = object.maps
  end))

  teardown(function()
    object:close()
  end)

  local function text(metric)
    return prometheus.new({metric}):text()
  end

  it("shows a counter for each key, labelled by its fields", needs("root", function()
    assert(maps.requests:update({method = "GET", status = 200}, 3))
    assert(maps.requests:update({method = 'P"\\\nT', status = 404}, "9223372036854775808"))
    assert.equal(lines(
      "# HELP requests_total What was\\nasked for.",
      "# TYPE requests_total counter",
      'requests_total{code="200",method="GET"} 3',
      'requests_total{code="404",method="P\\"\\\\\\nT"} 9223372036854775808'),
      sorted(text {name = "requests_total", type = "counter", help = "What was\nasked for.",
        map = maps.requests, labels = {"method", code = "status"}}))
  end))

  it("adds up what CPUs have counted, and scales it", needs("root", function()
    local cpus = lbpf.num_possible_cpus()
    local values = {}
    for cpu = 1, cpus do
      values[cpu] = {packets = cpu, bytes = 1000}
    end
    assert(maps.traffic:update(7, values))
    local labels = {interface = function(key) return "if" .. tonumber(key) end}
    assert.equal(lines("# TYPE packets_total counter",
      ('packets_total{interface="if7"} %d'):format(cpus * (cpus + 1) / 2)),
      text {name = "packets_total", type = "counter", map = maps.traffic, labels = labels,
        value = "packets"})
    assert.equal(lines("# TYPE kilobytes gauge",
      ('kilobytes{interface="if7"} %d'):format(cpus)),
      text {name = "kilobytes", type = "gauge", map = maps.traffic, labels = labels,
        value = "bytes", unit = 0.001})
  end))

  it("shows gauges, also negative ones and those of functions", needs("root", function()
    assert(maps.level:update(0, -5))
    assert.equal(lines("# TYPE level gauge", "level -5"),
      text {name = "level", type = "gauge", map = maps.level})
    assert.equal(lines("# TYPE half gauge", "half 0.5"),
      text {name = "half", type = "gauge", read = function() return 0.5 end})
  end))

  it("shows histograms of powers of two", needs("root", function()
    assert(maps.latency:update({method = "GET", status = 1},
      {total = 30, slots = {1, 2, 0, 4, 1}}))
    assert.equal(lines(
      "# TYPE latency_seconds histogram",
      'latency_seconds_bucket{method="GET",le="1"} 1',
      'latency_seconds_bucket{method="GET",le="3"} 3',
      'latency_seconds_bucket{method="GET",le="7"} 3',
      'latency_seconds_bucket{method="GET",le="15"} 7',
      'latency_seconds_bucket{method="GET",le="+Inf"} 8',
      'latency_seconds_sum{method="GET"} 30',
      'latency_seconds_count{method="GET"} 8'),
      text {name = "latency_seconds", type = "histogram", map = maps.latency, labels = {"method"},
        slots = "slots", sum = "total"})
  end))

  it("shows linear histograms of all CPUs", needs("root", function()
    local values = {}
    for cpu = 1, lbpf.num_possible_cpus() do
      values[cpu] = {total = 100, slots = {1, 0, 1, 0, 1}}
    end
    local n = #values
    assert(maps.latency_per_cpu:update(0, values))
    assert.equal(lines(
      "# TYPE size histogram",
      'size_bucket{le="4.5"} ' .. n,
      'size_bucket{le="9.5"} ' .. n,
      'size_bucket{le="14.5"} ' .. 2 * n,
      'size_bucket{le="19.5"} ' .. 2 * n,
      'size_bucket{le="+Inf"} ' .. 3 * n,
      "size_sum " .. 50 * n,
      "size_count " .. 3 * n),
      text {name = "size", type = "histogram", map = maps.latency_per_cpu, slots = "slots",
        sum = "total", scale = "linear", step = 10, unit = 0.5})
  end))

  it("shows histograms whose slots are in the key", needs("root", function()
    for slot, count in pairs({[0] = 2, [2] = 3, [9] = 4}) do
      assert(maps.slots:update({device = 8, slot = slot}, count))
    end
    assert.equal(lines(
      "# TYPE blocks histogram",
      'blocks_bucket{device="8",le="1"} 2',
      'blocks_bucket{device="8",le="3"} 2',
      'blocks_bucket{device="8",le="7"} 5',
      'blocks_bucket{device="8",le="+Inf"} 9',
      'blocks_count{device="8"} 9'),
      text {name = "blocks", type = "histogram", map = maps.slots, labels = {"device"},
        slot = "slot", slots = 4})
  end))

  it("says what is declared wrongly", needs("root", function()
    for message, metric in pairs({
      ["metric '2nd': names are letters"] = {name = "2nd", type = "gauge", map = maps.level},
      ["metric 'a': the type is 'counter', 'gauge' or 'histogram'"] = {name = "a", type = "x"},
      ["metric 'a': there is no map to read"] = {name = "a", type = "histogram",
        read = function() end},
      ["metric 'a': unknown field 'label'"] = {name = "a", type = "gauge", label = {}},
      ["metric 'a': label names are"] = {name = "a", type = "gauge", map = maps.level,
        labels = {"a-b"}},
      ["metric 'a': the scale is"] = {name = "a", type = "histogram", map = maps.latency,
        scale = "linear"},
    }) do
      assert.error_matches(function() prometheus.new({metric}) end, message)
    end
  end))
end)
