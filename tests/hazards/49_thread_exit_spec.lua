-- 49: a thread's own memory has no destructor: what it owns is lost when the thread ends.
local host = require "host"

describe("hazard 49: a thread that ends", function()
  it("frees the text of libbpf's messages", function()
    host.run([[
      local before
      for round = 1, 30 do
        assert(host.threads(16, "require('lbpf.core').open(('x'):rep(2000))") == 0)
        before = round == 10 and host.allocated() or before
      end
      local grown = host.allocated() - before
      assert(grown < 100000, "grown by " .. grown)
      print("done")
    ]])
  end)
end)
