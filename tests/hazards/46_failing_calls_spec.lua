-- 46: any allocation and any system call may fail. What lbpf owns by then must be visible to a
-- finalizer or a frame.
local child = require "child"
local needs = require "needs"

describe("hazard 46: some of the calls that tests/faults has fail", function()
  it("leak nothing, and the next try works", needs({"root", "bpffs", "btf"}, function()
    local seed = os.time() % 100000
    local output, status = child.output(("LUA=%s tests/faults/run 80 %d"):format(
      os.getenv("LBPF_BUILD"):match "[^/]+$", seed))
    assert(status == 0, ("seed %d:\n%s"):format(seed, output))
    assert.is_true(tonumber(output:match "(%d+) calls failed, 0 problems") > 100)
  end))

  -- Types of events and codecs are not Lua's, and were lost before Lua knew of them.
  it("leak nothing where codecs are made, for any of Lua's allocations",
      needs({"root", "bpffs", "btf"}, function()
    for _, lifecycle in ipairs {"ring", "maps"} do
      local output, status = child.output(("LUA=%s tests/faults/run 1 1 %s lua"):format(
        os.getenv("LBPF_BUILD"):match "[^/]+$", lifecycle))
      assert(status == 0, output)
    end
  end))

  it("have no event counted twice", needs({"root", "btf"}, function()
    local output, status = child.output(
      "$LBPF_BUILD/faults tests/faults/batch_counts.lua")
    assert(status == 0, output)
    assert.is_true(tonumber(output:match "^(%d+) calls failed\n$") > 5, output)
  end))

  it("are those that want a descriptor, when there are few",
      needs({"root", "bpffs", "btf"}, function()
    for _, limit in ipairs {6, 12, 24} do
      local output, status = child.run([[
        package.path = "tests/faults/?.lua;" .. package.path
        local lifecycles = require "lifecycles"
        for name, lifecycle in pairs(lifecycles) do
          if name ~= "pinned" and name ~= "names" then -- a directory; all names of the kernel
            pcall(lifecycle)
            collectgarbage()
          end
        end
        print "ended"
      ]], ("prlimit --nofile=%d"):format(limit))
      assert.matches("ended\n$", output)
      assert.equal(0, status)
    end
  end))
end)
