-- luacheck with lbpf's std, as docs/probes.md has it.
local child = require "child"
local pages = require "pages"

local page = pages.open "docs/probes.md"

describe("luacheck", function()
  local dir

  local function write(name, text)
    local file = assert(io.open(dir .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end

  setup(function()
    dir = child.lines("mktemp -d")[1]
    local here = child.lines("pwd")[1]
    local rc = page:file(".luacheckrc"):gsub("/usr/local/share/lua/5.4", here .. "/lua")
    write(".luacheckrc", rc)
  end)

  teardown(function()
    child.output("rm -r " .. dir)
  end)

  -- Its warnings, one in each line.
  local function check(text)
    write("programs.lua", text)
    return (child.output("cd " .. dir .. " && luacheck -q --formatter plain programs.lua"))
  end

  it("has nothing to say of the page's programs", function()
    assert.equal("", check(page:file "naps.lua"))
  end)

  it("knows all built-ins", function()
    local lines = {}
    for name in pairs(require("lbpf.compiler.builtins").all) do
      lines[#lines + 1] = ("print(%s)"):format(name)
    end
    assert.is_true(#lines > 50)
    assert.equal("", check(table.concat(lines, "\n")))
  end)

  it("finds what is misspelt, and what is assigned", function()
    local text = check("cuont('x')\npid = 1\nargs.filename = comm.x\n")
    assert.matches("1:1: accessing undefined variable 'cuont'", text)
    assert.matches("2:1: setting read%-only global variable 'pid'", text)
    assert.matches("3:1: setting read%-only field", text)
  end)
end)
