-- The pages of lbpf.prometheus, as Prometheus' own tool reads them.
local child = require "child"
local lbpf = require "lbpf"
local prometheus = require "lbpf.prometheus"

describe("promtool check metrics", function()
  local object, maps

  setup(function()
    object = assert(lbpf.open("build/bpf/metric.bpf.o"))
    maps = assert(object:load()).maps
    for pid, comm in pairs {"nginx", "nginx", "\255\254", 'a\tb"c\\d\n', "caf\195\169"} do
      assert(maps.calls:update({pid = pid, comm = comm}, "9223372036854775808"))
      assert(maps.latency:update({method = comm:sub(1, 7), status = pid},
        {total = pid, slots = {pid, 0, 2, 0, 1}}))
      assert(maps.slots:update({device = pid % 2, slot = pid}, 1))
    end
  end)

  teardown(function()
    object:close()
  end)

  -- What it has to say of these metrics; "" if all is well.
  local function complaints(list)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(prometheus.new(list):text())
    file:close()
    local output, status = child.output("promtool check metrics <" .. path)
    os.remove(path)
    return output, status
  end

  it("finds nothing", function()
    assert.same({"", 0}, {complaints {
      {name = "calls_total", type = "counter", help = 'Calls,\n"\\" and \255.', map = maps.calls,
       labels = {"comm"}},
      {name = "calls_by_peer_total", type = "counter", help = "Calls.", map = maps.calls,
       labels = {"pid", process = "comm", address = function(key)
         return table.concat(key.address, ".")
       end}},
      {name = "all_calls", type = "gauge", help = "Calls.", map = maps.calls},
      {name = "level", type = "gauge", help = "A level.", map = maps.level},
      {name = "latency_seconds", type = "histogram", help = "A latency.", map = maps.latency,
       labels = {"method"}, slots = "slots", sum = "total", unit = 1e-9},
      {name = "io_bytes", type = "histogram", help = "Sizes.", map = maps.slots,
       labels = {"device"}, slot = "slot", slots = 4, scale = "linear", step = 512},
    }})
  end)

  it("would find something", function()
    local output, status = complaints {{name = "calls_total", type = "gauge", map = maps.calls}}
    assert.matches("calls_total no help text", output)
    assert.not_equal(0, status)
  end)
end)
