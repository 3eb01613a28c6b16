-- What docs/probes.md shows runs as it is.
local child = require "child"
local chunk = require "chunk"
local lbpf = require "lbpf"
local needs = require "needs"
local pages = require "pages"

local page = pages.open "docs/probes.md"

describe("docs/probes.md", function()
  for _, command in ipairs(page:commands()) do
    it("has " .. command:match("[^\n]*"):sub(1, 90), needs({"root", "tracefs", "argparse"},
      function()
        local run = command:gsub("^lbpf trace", os.getenv("LBPF_LUA") .. " bin/lbpf trace -t 0.1")
        local text, status = child.output(run)
        assert.equal(0, status, text)
      end))
  end

  local script = page:take("lua", "sched_wakeup")
  it("has a script", needs({"root", "btf"}, function()
    local shown = {}
    local own = setmetatable({
      trace = function(programs)
        return lbpf.trace(programs, {out = function(text) shown[#shown + 1] = text end})
      end,
      run = function(what)
        what.seconds = 1.2
        assert(lbpf.run(what))
        what[1]:close()
      end,
    }, {__index = lbpf})
    chunk(script, "=docs/probes.md", setmetatable({
      require = function(name) return name == "lbpf" and own or require(name) end,
    }, {__index = _G}))()
    assert.matches("^us:\n", table.concat(shown))
  end))

  local naps = page:file "naps.lua"
  it("has functions", needs({"root", "btf", "tracefs"}, function()
    local output, status = child.run(naps)
    assert.equal(0, status, output)
  end))

  assert(page:file ".luacheckrc") -- tests/check/luacheck_spec.lua

  it("has no other block", function()
    assert.same({}, page:left())
  end)
end)
