-- Generated programs leave in maps what Lua 5.4 does. tests/equal/run compares as many as are
-- wanted.
local needs = require "needs"

package.path = "tests/equal/?.lua;" .. package.path
local compare = require "compare"
local generate = require "generate"

local has_integers = math.type and _VERSION >= "Lua 5.4" -- luacheck: ignore 143

describe("compiled programs and Lua 5.4's", function()
  it("do the same", needs("root", function()
    for seed = 1, has_integers and 40 or 0 do
      local text = generate.program(seed, 4)
      local differs = compare.program(text, {"out", "m", "two"}, {max_entries = 65536})
      assert(not differs, ("seed %d: %s\n%s"):format(seed, tostring(differs), text))
    end
  end))

  it("do the same with loops that the verifier walks", needs("root", function()
    for seed = 1, has_integers and 10 or 0 do
      local text = generate.program(seed, 2)
      local differs = compare.program(text, {"out", "m", "two"}, {loops = "bounded"})
      assert(not differs, ("seed %d: %s\n%s"):format(seed, tostring(differs), text))
    end
  end))
end)
