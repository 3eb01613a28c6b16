-- A few of the scripts that tests/hostile generates.
local child = require "child"
local needs = require "needs"

describe("generated hostile scripts", function()
  it("crash nothing", needs("root", function()
    local command = "unset LD_PRELOAD; LUA=%s HOSTILE_SCRIPTS=1 tests/hostile/run 2 1000"
    local output, status = child.output(command:format(
      os.getenv("LBPF_BUILD"):match "[^/]+$"))
    assert(status == 0, output)
    assert.is_true(tonumber(output:match "(%d+) calls, 0 crashes") > 200)
  end))
end)
