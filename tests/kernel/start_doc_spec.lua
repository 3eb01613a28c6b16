-- docs/start.md is a transcript: its files are written, and its commands run.
local child = require "child"
local needs = require "needs"
local pages = require "pages"

local PAGE = "docs/start.md"

local function lbpf(command)
  return (command:gsub("^lbpf", os.getenv("LBPF_LUA") .. " bin/lbpf"))
end

-- Runs a script of the page, starts a program once it traces, and presses Ctrl-C.
local function run(name)
  local dir = child.output("mktemp -d"):gsub("\n", "")
  local file = assert(io.open(dir .. "/" .. name, "w"))
  file:write(pages.block(PAGE, name))
  file:close()
  local command = lbpf(assert(pages.read(PAGE):match("\n```sh\n(lbpf run " .. name .. ")\n")))
  local output, status = child.output(([[
    XDG_CACHE_HOME=%s %s >%s/out 2>&1 &
    pid=$!
    for i in $(seq 3000); do ! grep -q tracing %s/out || break; sleep 0.01; done
    build/helpers/datagrams >/dev/null 2>&1
    for i in $(seq 300); do ! grep -q datagrams %s/out || break; sleep 0.01; done
    kill -INT $pid
    wait $pid
    status=$?
    cat %s/out
    rm -r %s
    exit $status]]):format(dir, command:gsub(name, dir .. "/%0"), dir, dir, dir, dir, dir))
  return output, status
end

describe("docs/start.md", function()
  it("lists a probe, and traces a command", needs({"root", "argparse", "tracefs"}, function()
    local commands = {}
    for command in pages.read(PAGE):gmatch("\n```sh\n(lbpf [lt]%l+ .-)\n```") do
      local text, status = child.output(lbpf(command))
      assert.equal(0, status, text)
      commands[#commands + 1] = text
    end
    assert.equal(2, #commands)
    local listed = commands[1]:gsub("%p", "%%%0")
    assert.matches("\n    " .. listed, pages.read(PAGE))
    assert.matches("\tcat\t/%S*bin/cat\n", commands[2])
  end))

  it("has a tracer in Lua", needs({"root", "argparse", "btf", "tracefs"}, function()
    local text, status = run("execs.lua")
    assert.equal(0, status, text)
    assert.matches("^tracing\n", text)
    assert.matches("\n%d+ +sh +build/helpers/datagrams *\n", text)
    assert.matches("\nprograms%[build/helpers/datagrams%]: +1\n", text)
  end))

  it("has one in C", needs({"root", "argparse", "btf", "tracefs", "clang"}, function()
    local text, status = run("execc.lua")
    assert.equal(0, status, text)
    assert.matches("^tracing\n", text)
    assert.matches("\n%d+ +sh +build/helpers/datagrams *\n", text)
  end))
end)
