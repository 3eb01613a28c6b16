-- docs/tools.md: the commands and the tool.
local child = require "child"
local needs = require "needs"
local pages = require "pages"

local WANTED = {"root", "tracefs", "argparse", "btf"}

describe("docs/tools.md", function()
  local page = pages.open "docs/tools.md"
  local lua = os.getenv("LBPF_LUA")

  local command = page:commands()[1]
  it("starts a tool", needs(WANTED, function()
    local text, status = child.output(command:gsub("^lua5.4", lua):gsub("1234", "$$") .. " -t 0.1")
    assert.equal(0, status, text)
    assert.matches("^TIME", text)
  end))

  local tool = page:take("lua", "lbpf.tool")
  it("has a tool", needs(WANTED, function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(tool)
    file:close()
    local text, status = child.output(([[
      timeout 60 %s %s --csv -n 1 &
      while kill -0 $! 2>/dev/null; do touch %s.gone; rm %s.gone; done
      wait $!]]):format(lua, path, path, path))
    os.remove(path)
    assert.equal(0, status, text)
    assert.matches("^time,pid,comm,path\n[^\n]*,%d+,%w+,[^\n]+\n$", text)
  end))

  local service = page:take("ini", "[Service]")
  it("has a service", needs({"json", "root", "tracefs", "argparse", "btf"}, function()
    local start = assert(service:match("\nExecStart=/usr/bin/lbpf (%C+)"))
    local text, status = child.output(("timeout 60 %s bin/lbpf %s -n 1 & " ..
      "while kill -0 $! 2>/dev/null; do cat /dev/null; done; wait $!"):format(lua, start))
    assert.equal(0, status, text)
    assert.matches('\n{.*"comm":', text)
  end))

  it("has no other block", function()
    assert.same({}, page:left())
  end)
end)
