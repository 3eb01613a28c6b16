-- What libbpf hands over to a handler's callbacks, its long cookie, is what the closures are found
-- by. Here handlers share their closures, and differ only in the script's own cookie.

local host = require "host"
local needs = require "needs"

describe("The closures of a handler", function()
  it("are those that libbpf's cookie names", function()
    host.run("bridge", "cookies_exchanged")
  end)

  it("are the same when it is loaded and attached", needs("root", function()
    host.run("bridge", "loaded_and_attached")
  end))

  it("are not found by a cookie that is out of date", needs("root", function()
    host.run("bridge", "out_of_date")
  end))

  it("are found by name with the fallback's", needs("root", function()
    host.run("bridge", "fallback")
  end))
end)

describe("An entry that several handlers share", function()
  it("has for each object the closures that it was opened with", needs("root", function()
    host.run("bridge", "two_objects")
  end))

  it("has for each Lua state its own", needs("root", function()
    host.run("bridge", "two_states")
  end))

  it("leaves it to the name which of one object's is meant", needs("root", function()
    host.run("bridge", "which_of_several")
  end))
end)

describe("A program of another user of libbpf", function()
  it("does not reach the script, if an entry matches it", needs("root", function()
    host.run("bridge", "other_user")
  end))
end)
