-- docs/start.md is a transcript: its files are written, and its commands run.
local child = require "child"
local needs = require "needs"
local pages = require "pages"

local page = pages.open "docs/start.md"

local function lbpf(command)
  return (command:gsub("^lbpf", os.getenv("LBPF_LUA") .. " bin/lbpf"))
end

-- Runs a script of the page, starts a program once it traces, and presses Ctrl-C.
local function run(name, source)
  local dir = child.output("mktemp -d"):gsub("\n", "")
  local file = assert(io.open(dir .. "/" .. name, "w"))
  file:write(source)
  file:close()
  local command = lbpf("lbpf run " .. dir .. "/" .. name)
  return child.output(([[
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
    exit $status]]):format(dir, command, dir, dir, dir, dir, dir))
end

describe("docs/start.md", function()
  local check = page:commands("lbpf check")[1]
  it("looks at the machine", needs("argparse", function()
    assert.matches(" libbpf +v%d", (child.output(lbpf(check))))
  end))

  local list, trace = page:commands("lbpf list")[1], page:commands("lbpf trace")[1]
  it("lists a probe, and traces a command", needs({"root", "argparse", "tracefs"}, function()
    local text, status = child.output(lbpf(list))
    assert.equal(0, status, text)
    assert.matches("\n```text\n" .. text:gsub("%p", "%%%0"), pages.read(page.path))
    text, status = child.output(lbpf(trace))
    assert.equal(0, status, text)
    assert.matches("\tcat\t/%S*bin/cat\n", text)
  end))

  -- The commands name the files.
  local execs, execc = page:file "execs.lua", page:file "execc.lua"
  assert(page:commands("lbpf run execs.lua") and page:commands("lbpf run execc.lua"))

  it("has a tracer in Lua", needs({"root", "argparse", "btf", "tracefs"}, function()
    local text, status = run("execs.lua", execs)
    assert.equal(0, status, text)
    assert.matches("^tracing\n", text)
    assert.matches("\n%d+ +sh +build/helpers/datagrams *\n", text)
    assert.matches("\nprograms%[build/helpers/datagrams%]: +1\n", text)
  end))

  it("has one in C", needs({"root", "argparse", "btf", "tracefs", "clang"}, function()
    local text, status = run("execc.lua", execc)
    assert.equal(0, status, text)
    assert.matches("^tracing\n", text)
    assert.matches("\n%d+ +sh +build/helpers/datagrams *\n", text)
  end))

  it("has no other block", function()
    assert.same({}, page:left())
  end)
end)
