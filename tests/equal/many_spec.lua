-- As many generated programs as a virtual machine runs in some minutes, with the loops that its
-- kernel has. Not of the ordinary specs: tests/vm/run 6.1 bookworm lua5.4 tests/equal/many_spec.lua
local machine = require "lbpf.compiler.machine"
local needs = require "needs"

package.path = "tests/equal/?.lua;" .. package.path
local compare = require "compare"
local generate = require "generate"

local PROGRAMS, CASES = 200, 3

describe("generated programs", function()
  it("are loaded, and do what Lua does", needs({"root", "btf", "64 bits"}, function()
    local failures, instructions = {}, 0
    for seed = 1, PROGRAMS do
      local text = generate.program(seed, CASES, seed % 2 == 0)
      local differs, _, n = compare.program(text, {"out", "m", "two"}, {max_entries = 2048})
      if differs then
        -- the verifier's last words
        failures[#failures + 1] = ("seed %d: %s"):format(seed, differs:sub(1, 80) .. " ... "
          .. (differs:match "([^\n]*\nprocessed[^\n]*)" or ""))
      else
        instructions = instructions + n
      end
    end
    print(("%d programs of %d cases, loops by %s: %d failures; %d instructions"):format(PROGRAMS,
      CASES, machine.loops(), #failures, instructions))
    assert(#failures == 0, table.concat(failures, "\n"))
  end))
end)
