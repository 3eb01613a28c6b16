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

  lazy_setup(needs("root", function()
    object = assert(lbpf.open("build/bpf/metric.bpf.o"))
    assert(object:load())
    maps = object.maps
  end))

  lazy_teardown(function()
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

  -- One process a key; most have a name in common.
  local function call(peers)
    maps.calls:clear()
    for pid, comm in pairs(peers) do
      assert(maps.calls:update({pid = pid, comm = comm, address = {10, 0, 0, pid}}, pid))
    end
  end

  it("adds up keys with the same labels", needs("root", function()
    call {"nginx", "nginx", "sshd"}
    local metric = {name = "calls_total", type = "counter", map = maps.calls, labels = {"comm"}}
    local expected = lines("# TYPE calls_total counter", 'calls_total{comm="nginx"} 3',
      'calls_total{comm="sshd"} 3')
    assert.equal(expected, sorted(text(metric)))
    assert.equal(lines("# TYPE calls_total counter", "calls_total 6"),
      text {name = "calls_total", type = "counter", map = maps.calls})
    maps.latency:clear()
    for status = 1, 2 do
      assert(maps.latency:update({method = "GET", status = status},
        {total = 10 * status, slots = {status, 0, 0, 0, 1}}))
    end
    assert.equal(lines(
      "# TYPE latency histogram",
      'latency_bucket{method="GET",le="1"} 3',
      'latency_bucket{method="GET",le="3"} 3',
      'latency_bucket{method="GET",le="7"} 3',
      'latency_bucket{method="GET",le="15"} 3',
      'latency_bucket{method="GET",le="+Inf"} 5',
      'latency_sum{method="GET"} 30',
      'latency_count{method="GET"} 5'),
      text {name = "latency", type = "histogram", map = maps.latency, labels = {"method"},
        slots = "slots", sum = "total"})
  end))

  it("shows invalid UTF-8 as U+FFFD", needs("root", function()
    local unknown = "\239\191\189"
    local names = {
      ["\255"] = unknown, ["ok\255\254"] = "ok" .. unknown .. unknown,
      ["caf\195\169"] = "caf\195\169", ["caf\195"] = "caf" .. unknown,
      ["\240\159\152\128!"] = "\240\159\152\128!", -- beyond 16 bits
      ["\192\175"] = unknown .. unknown, -- "/", longer than need be
      ["\237\160\128"] = unknown:rep(3), -- a surrogate
      ["\244\144\128\128"] = unknown:rep(4), -- beyond Unicode
    }
    for name, shown in pairs(names) do
      call {name}
      assert.equal(lines("# TYPE calls_total counter", ('calls_total{comm="%s"} 1'):format(shown)),
        text {name = "calls_total", type = "counter", map = maps.calls, labels = {"comm"}})
    end
    call {"\255", "\254"} -- the same once they are shown
    assert.equal(lines("# TYPE calls_total counter", ('calls_total{comm="%s"} 3'):format(unknown)),
      text {name = "calls_total", type = "counter", map = maps.calls, labels = {"comm"}})
  end))

  it("shows integers of 64 bits as they are", needs({"root", "64 bits"}, function()
    call {"a"}
    local key = {pid = 1, comm = "a", address = {10, 0, 0, 1}}
    assert(maps.calls:update(key, "0xffffffffffffff00"))
    assert.matches("\ncalls 18446744073709551[36]", text {name = "calls", type = "gauge",
      map = maps.calls})
  end))

  it("says which label or value of a function's is none", needs("root", function()
    call {"a"}
    assert.error_matches(function()
      return text {name = "calls_total", type = "counter", map = maps.calls,
        labels = {x = function(key) return key.address end}}
    end, "^metric 'calls_total': label 'x' is no string or number, but a table$")
    assert.error_matches(function()
      return text {name = "calls_total", type = "gauge", read = function() end}
    end, "^metric 'calls_total': the value is not a number, but a nil$")
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
      ["label 'address': field 'address' of the key is an array; expected a number or a string"] =
        {name = "a", type = "gauge", map = maps.calls, labels = {"address"}},
      ["label 'comn': the map's key has no field 'comn'; it has: comm, "] =
        {name = "a", type = "gauge", map = maps.calls, labels = {"comn"}},
      ["label 'x': the map's key is no structure, and has no field 'cpu': give a function"] =
        {name = "a", type = "gauge", map = maps.level, labels = {x = "cpu"}},
      ["label 'x': the map's keys are bytes, for they have no type: give a function"] =
        {name = "a", type = "gauge", map = maps.untyped, labels = {"x"}, value = string.len},
      ["value: the map's values are bytes, for they have no type: give a function"] =
        {name = "a", type = "gauge", map = maps.untyped},
      ["label '__x' is Prometheus' own"] =
        {name = "a", type = "gauge", map = maps.calls, labels = {__x = "pid"}},
      ["label 'le' is Prometheus' own"] = {name = "a", type = "histogram", map = maps.latency,
        slots = "slots", labels = {le = "status"}},
      ["label 'pid' is given twice"] =
        {name = "a", type = "gauge", map = maps.calls, labels = {"comm", "pid", pid = "comm"}},
      ["value: the value is a structure; expected a number"] =
        {name = "a", type = "gauge", map = maps.traffic},
      ["value: the map's value has no field 'packet'; it has: packets, bytes"] =
        {name = "a", type = "gauge", map = maps.traffic, value = "packet"},
      ["slots: field 'total' of the value is a number; expected an array of counts"] =
        {name = "a", type = "histogram", map = maps.latency, slots = "total"},
      ["sum: field 'slots' of the value is an array; expected a number"] =
        {name = "a", type = "histogram", map = maps.latency, slots = "slots", sum = "slots"},
    }) do
      local ok, said = pcall(prometheus.new, {metric})
      assert.is_false(ok)
      assert.is_truthy(said:find(message, 1, true), said)
      assert.matches("^metric 'a': ", (said:gsub("2nd", "a")))
    end
    local a = {name = "a", type = "gauge", map = maps.level}
    assert.error_matches(function() prometheus.new {a, a} end,
      "^metric 'a': there is a metric with samples of that name, 'a'$")
    assert.error_matches(function()
      prometheus.new {{name = "a", type = "histogram", map = maps.latency, slots = "slots"},
        {name = "a_count", type = "gauge", map = maps.level}}
    end, "metric 'a_count': there is a metric with samples of that name, 'a_count'")
  end))

  it("wants maps that exist", needs("root", function()
    local unloaded = assert(lbpf.open("build/bpf/metric.bpf.o"))
    assert.error_matches(function()
      prometheus.new {{name = "a", type = "gauge", map = unloaded.maps.level}}
    end, "map 'level' does not exist: object 'build/bpf/metric.bpf.o' is not loaded")
  end))

  it("knows the types of maps' keys and values", needs("root", function()
    local key, value = maps.latency:types()
    assert.same({"struct", 12, "method", "string", 8, "status", "unsigned", 4},
      {key.kind, key.size, key[1].name, key[1].kind, key[1].size, key[2].name, key[2].kind,
        key[2].size})
    assert.same({"array", 5, 4, "unsigned"},
      {value[2].kind, value[2].count, value[2].size, value[2][1].kind})
    assert.equal(2, select("#", maps.untyped:types()))
    assert.is_nil((maps.untyped:types()))
    local _, slots, total = maps.latency:view({fields = {"slots", "total"}}):types()
    assert.same({"array", "unsigned"}, {slots.kind, total.kind})
  end))
end)
