-- 49: a thread's own memory has no destructor: what it owns is lost when the thread ends.
local host = require "host"

describe("hazard 49: a thread that ends", function()
  it("frees the text of libbpf's messages", function()
    host.run("thread_exit", "printed")
  end)
end)
