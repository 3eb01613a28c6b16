-- 47: with the debug library a script reaches metatables, uservalues and finalizers.
local child = require "child"
local needs = require "needs"

-- Runs a program of programs/debug_library.lua in a process of its own, which must come to its end.
local function survives(name)
  local output, status = child.run(
    ("require('programs.debug_library').%s() print 'survived'"):format(name),
    -- What no finalizer knows any more is lost: no crash, which is all that is promised.
    'env ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0"')
  assert.matches("survived", output)
  assert.equal(0, status)
end

describe("hazard 47: the debug library", function()
  it("takes metatables off what the object's lists hold", needs({"root", "user rings"}, function()
    survives "metatables"
  end))

  it("replaces what is in uservalues", needs("root", function()
    survives "parts"
  end))

  it("takes uservalues away", needs("root", function()
    survives "uservalues"
  end))

  it("replaces what a loop works with", needs({"root", "no jit"}, function()
    survives "upvalues"
  end))

  it("calls finalizers, and is refused", needs("root", function()
    survives "finalizers"
  end))
end)
