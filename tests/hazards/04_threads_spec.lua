-- Hazard 4: libbpf's registry of handlers has no lock. Lua states in many threads register, open,
-- load and attach at the same time, and each sees only its own handlers.

local host = require "host"
local needs = require "needs"

describe("Lua states in several threads", function()
  it("open with handlers of names that libbpf does not know", function()
    host.run("registering", "unknown_names")
  end)

  it("open with handlers that override libbpf's", function()
    host.run("registering", "names_of_libbpf")
  end)

  it("load what they have opened", needs("root", function()
    host.run("registering", "loading")
  end))
end)
