-- 42: LuaJIT's traces keep the C closures that they call. What an iterator refers to must not stay
-- for that.
local child = require "child"
local needs = require "needs"

describe("hazard 42: objects are collected, whatever was compiled:", function()
  -- Runs a function of tests/support/programs/compiled_iterators.lua.
  local function run(name)
    assert.same({"", 0},
      {child.run(("require('programs.compiled_iterators').%s()"):format(name))})
  end

  it("loops over maps that came to their end", needs("root", function()
    run "maps_to_the_end"
  end))

  it("loops over maps that were left", needs("root", function()
    run "maps_left"
  end))

  it("long loops that were left, from the first on", needs("root", function()
    run "long_loops_left"
  end))

  it("loops over events", needs("root", function()
    run "events"
  end))
end)
