-- Tables and histograms as plain text.
local text = require "lbpf.text"

describe("text", function()
  it("aligns columns, numbers to the right", function()
    assert.equal("comm   count\nnginx     12\nwrk      340",
      text.table({{"nginx", 12}, {"wrk", 340}}, {"comm", "count"}))
    assert.equal("a   b\ncc  d", text.table({{"a", "b"}, {"cc", "d"}}))
    assert.equal("", text.table({}))
  end)

  it("pads", function()
    assert.same({"ab  ", "  ab", "abc"},
      {text.pad("ab", 4), text.pad("ab", -4), text.pad("abc", 2)})
  end)

  it("has units of data and of time", function()
    for bytes, shown in pairs({[0] = "0 B", [1023] = "1023 B", [1536] = "1.50 KiB",
      [153600] = "150 KiB", [2 ^ 40 * 12] = "12.0 TiB", [2 ^ 63] = "8192 PiB"}) do
      assert.equal(shown, text.bytes(bytes))
    end
    for ns, shown in pairs({[0] = "0 ns", [999] = "999 ns", [1500] = "1.50 us",
      [15.55e6] = "15.6 ms", [59e9] = "59.0 s", [125e9] = "2m05s", [3725e9] = "1h02m05s",
      [-1500] = "-1.50 us"}) do
      assert.equal(shown, text.duration(ns))
    end
    assert.matches("^%d%d:%d%d:%d%d$", text.time())
    assert.matches(":00:05$", text.time(5))
  end)

  it("reads and writes internet addresses", function()
    for _, address in ipairs({"127.0.0.1", "::", "::1", "fe80::1", "1:2:3:4:5:6:7:8",
      "::ffff:1.2.3.4", "2001:db8::ff00:42:8329", "1::8"}) do
      assert.equal(address, text.ntop(text.pton(address)))
    end
    assert.equal("\1\2\3\4", text.pton("1.2.3.4"))
    for _, address in ipairs({"1.2.3.4", "::ffff:1.2.3.4"}) do
      assert.equal("1.2.3.4", text.address(text.pton(address)))
    end
    assert.equal("::ffff:1:2:3", text.address(text.pton("::ffff:1:2:3")))
    assert.equal("1:0:0:2::", text.ntop(text.pton("1:0:0:2:0:0:0:0")))
    for _, wrong in ipairs({"", "1.2.3", "256.1.1.1", "1.2.3.4.5", "1:2", ":1", "1::2::3", "g::",
      "1:2:3:4:5:6:7:8:9", "12345::", ":::", "1.2.3.4::", "a"}) do
      assert.is_nil(text.pton(wrong), wrong)
    end
    assert.error_matches(function() text.ntop("123") end, "4 or 16 bytes expected, got 3")
  end)

  it("writes lines of CSV", function()
    assert.equal('1,"a,b","c""d",,x', text.csv({1, "a,b", 'c"d', nil, "x", n = 5}))
    assert.equal('"a\nb"', text.csv({"a\nb"}))
  end)

  it("draws heat maps, the most in the darkest", function()
    assert.equal("[16, 32)        |   =|\n[8, 16)         | :  |\n[4, 8)          |.@  |",
      text.heat_map({{[3] = 1}, {[3] = 9, [4] = 2}, {}, {[5] = 4}}, text.log2_range))
    assert.equal("", text.heat_map({}, text.log2_range))
  end)

  it("leaves strings as they are", function()
    assert.equal("SYSCALL", text.show("SYSCALL"))
    assert.equal("FULL", text.table({{"FULL"}}))
  end)

  it("names ranges by powers of 2", function()
    for bucket, range in pairs({[-1] = "(..., 0)", [0] = "[0]", [1] = "[1]", [2] = "[2, 4)",
      [10] = "[512, 1K)", [11] = "[1K, 2K)", [21] = "[1M, 2M)", [63] = "[4E, 8E)"}) do
      assert.equal(range, text.log2_range(bucket))
    end
  end)

  it("names ranges of equal steps", function()
    local shape = {min = 10, max = 30, step = 10}
    for bucket, range in pairs({[-1] = "(..., 10)", [0] = "[10, 20)", [1] = "[20, 30)",
      [2] = "[30, ...)"}) do
      assert.equal(range, text.linear_range(bucket, shape))
    end
  end)

  it("draws histograms, with the empty buckets in between", function()
    local lines = text.histogram(text.buckets({[0] = 26, [2] = 52}, text.log2_range))
    assert.equal(("%-16s%8d |%-52s|\n"):format("[0]", 26, ("@"):rep(26))
      .. ("%-16s%8d |%-52s|\n"):format("[1]", 0, "")
      .. ("%-16s%8d |%-52s|"):format("[2, 4)", 52, ("@"):rep(52)), lines)
    assert.equal("", text.histogram({}))
  end)
end)
