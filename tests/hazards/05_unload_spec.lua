-- Hazard 5: libbpf still has lbpf's callbacks after the Lua state and its module have been closed.
-- The callbacks stay valid, and do not touch objects of other users of libbpf.

local host = require "host"
local needs = require "needs"

describe("libbpf, used by the program that embeds Lua", function()
  it("calls nobody once the state that registered handlers is closed", needs("root", function()
    host.run("unload", "state_closed")
  end))

  it("does not call Lua for objects of its own", needs("root", function()
    host.run("unload", "objects_of_its_own")
  end))

  it("does not call Lua inside a closure either", needs("root", function()
    host.run("unload", "inside_a_closure")
  end))
end)
