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
