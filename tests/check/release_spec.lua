-- What a release says of itself, and what `make install` and `make uninstall` do.

local child = require "child"
local pages = require "pages"

describe("the version", function()
  local version = pages.read("lua/lbpf/init.lua"):match('\nlbpf%._VERSION = "(%d+%.%d+%.%d+)"\n')

  it("is that of Debian's package", function()
    assert.equal(version, pages.read("debian/changelog"):match("^lbpf %(([%d.]+)%) "))
  end)

  it("is that of the manual page", function()
    assert.equal(version, pages.read("docs/lbpf.1"):match("\n%.Os lbpf ([%d.]+)\n"))
  end)

  it("is that of the archive and the rock", function()
    local commands = child.output("make -n dist")
    assert.matches("git archive --prefix=lbpf-" .. version .. "/ ", commands, 1, true)
    assert.matches("luarocks pack lbpf-" .. version .. "-1.rockspec", commands, 1, true)
  end)
end)

describe("make uninstall", function()
  local prefix

  local function inventory()
    return (child.output("cd " .. prefix .. " && find . | sort"))
  end

  local function make(target)
    return (child.output(("make -s %s PREFIX=%s LUA=lua5.4"):format(target, prefix)))
  end

  before_each(function()
    prefix = child.lines("mktemp -d")[1]
  end)

  after_each(function()
    child.output("rm -r " .. prefix)
  end)

  it("leaves no file and no folder", function()
    child.output("cd " .. prefix .. " && mkdir -p bin lib share/man")
    local before = inventory()
    assert.equal("", make "install")
    assert.matches("./lib/lua/5.4/lbpf/core.so\n", inventory(), 1, true)
    assert.equal("", make "uninstall")
    assert.equal(before, inventory())
  end)

  it("leaves what others have installed, also in lbpf's folders", function()
    local others = "./bin/other\n./lib/lua/5.4/other.so\n./share/lua/5.4/lbpf/other.lua\n"
      .. "./share/lua/5.4/lbpf/tools/other.lua\n./share/lua/5.4/other.lua\n"
      .. "./share/man/man1/other.1\n"
    assert.equal("", make "install")
    child.output(("cd %s && touch %s"):format(prefix, (others:gsub("\n", " "))))
    make "uninstall"
    assert.equal(others, (child.output("cd " .. prefix .. " && find . -type f | LC_ALL=C sort")))
  end)

  it("has nothing to say where nothing is installed", function()
    assert.equal("", make "uninstall")
  end)
end)
