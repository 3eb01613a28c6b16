-- Lua runs finalizers wherever it allocates: in the middle of any method. What they do to the
-- objects that the method uses must not pull those away under it.
local child = require "child"
local needs = require "needs"

-- Runs a function of tests/support/programs/finalizers.lua.
local function run(name)
  assert.same({"", 0}, {child.run(("require('programs.finalizers').%s()"):format(name))})
end

describe("a finalizer", function()
  it("may close an object whose types are looked at", function()
    run "types"
  end)

  it("may close an object whose parts are walked over", function()
    run "parts"
  end)

  it("may close BTF that is read, or dumped", function()
    run "btf"
  end)

  it("leaves the descriptors of what it closed to the collector", needs("root", function()
    run "descriptors"
  end))

  it("may read an event while another is read into a table again", needs("root", function()
    run "reused"
  end))
end)
