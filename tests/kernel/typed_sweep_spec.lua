-- Values of random structures, and of some of the kernel's, are those that a C compiler makes.
-- tests/typed/run compares as many as are wanted.
local needs = require "needs"

package.path = "tests/typed/?.lua;" .. package.path

describe("typed data and C's", function()
  it("are compared in the same structures with every Lua", function()
    local generate, sum = require "generate", 0
    for i = 1, 100 do
      for c in generate.struct(i * 7919, "s" .. i).text:gmatch "." do
        sum = (sum * 31 + c:byte()) % 1000003
      end
    end
    assert.equal(346135, sum)
  end)

  it("are the same in random structures", needs({"64 bits", "clang"}, function()
    local state = require("compare").random(60, 1, {compiler = "cc"})
    assert.is_true(state.checks > 500)
    assert.equal(0, state.differences)
  end))

  it("are the same in the kernel's", needs({"64 bits", "clang", "btf"}, function()
    local state = require("compare").kernel {compiler = "cc", most = 60}
    assert.is_true(state.checks > 500)
    assert.equal(0, state.differences)
  end))
end)
