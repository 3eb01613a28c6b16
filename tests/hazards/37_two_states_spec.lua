-- Hazard 37: Lua states in several threads share libbpf's registry, its print callback, and the
-- claims on buffers. They share nothing else; `make tsan` runs this file under ThreadSanitizer.
local host = require "host"
local needs = require "needs"

describe("Lua states in several threads", function()
  it("do everything at once", needs("root", function()
    host.run("everything", "at_once")
  end))
end)
