-- A few of the scripts that tests/hostile generates, always the same.
local child = require "child"
local needs = require "needs"

describe("generated hostile scripts", function()
  it("crash nothing", needs({"root", "bpffs"}, function()
    local lua = os.getenv("LBPF_BUILD"):match "[^/]+$"
    for seed = 1000, 1004 do
      local output, status = child.output(
        ("unset LD_PRELOAD; LUA=%s tests/hostile/run one %d"):format(lua, seed))
      assert(status == 0, output)
    end
  end))
end)
