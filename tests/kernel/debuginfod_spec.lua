-- Debug files from a debuginfod server, here one of our own: only if asked for.
local child = require "child"
local needs = require "needs"

local dir, server

-- A test with a stripped program, and a server that has its debug file.
local function with_server(fn)
  return needs({"debuginfod", "libdw"}, function()
    dir = child.output("mktemp -d"):match "%S+"
    assert(child.succeeds(([[
      unset LD_PRELOAD
      mkdir %s/files && cp build/helpers/probe_me %s && cd %s &&
      objcopy --only-keep-debug probe_me files/probe_me.debug && strip probe_me]]):format(dir, dir,
      dir)))
    server = child.output(([[
      unset LD_PRELOAD
      debuginfod -v -F -p 7071 -d %s/db %s/files >%s/log 2>&1 & echo $!]]):format(dir, dir,
      dir)):match "%d+"
    finally(function()
      child.output(("kill %s; while kill -0 %s; do sleep 0.1; done; rm -r %s"):format(server,
        server, dir))
    end)
    assert(child.succeeds(([[
      for i in $(seq 300); do grep -q 'groomed database' %s/log && exit; sleep 0.1; done
      exit 1]]):format(dir)))
    fn()
  end)
end

-- What a script prints: PATH is the program's path, and OFFSET where probe_add() is in it.
local function run(script)
  local output, status = child.run(([[
    local lbpf = require "lbpf"
    local PATH = "%s/probe_me"
    local _, offsets = assert(lbpf.elf_symbols "build/helpers/probe_me"):match "probe_add"
    local OFFSET = offsets[1]
    %s]]):format(dir, script),
    ("env DEBUGINFOD_CACHE_PATH=%s/cache DEBUGINFOD_URLS=http://127.0.0.1:7071"):format(dir))
  assert(status == 0, output)
  return output
end

local function was_asked()
  local file = assert(io.open(dir .. "/log"))
  local log = file:read("*a")
  file:close()
  return log:find("GET /buildid/", 1, true) ~= nil
end

describe("debuginfod", function()
  it("has symbols, and is asked only with the option", with_server(function()
    assert.equal("nil\n", run [[ print((assert(lbpf.elf_symbols(PATH)):find(OFFSET))) ]])
    assert.is_false(was_asked())
    assert.equal("probe_add\n", run [[
      print((assert(lbpf.elf_symbols(PATH, {debuginfod = true})):find(OFFSET))) ]])
    assert.is_true(was_asked())
  end))

  it("has lines, and is asked only with the option", with_server(function()
    assert.equal("nil\n", run [[ print((lbpf.elf_lines(PATH))) ]])
    assert.is_false(was_asked())
    assert.equal("probe_add\n", run [[
      local found = assert(lbpf.elf_lines(PATH, {debuginfod = true})):find(OFFSET)
      print(found[#found].name) ]])
  end))

  it("is asked for what is mapped in processes, if a script says so", with_server(function()
    assert.equal("nil\nprobe_add\nnil\n", run [[
      print((lbpf.fsym(PATH, OFFSET)))
      assert(lbpf.use_debuginfod(true))
      print((lbpf.fsym(PATH, OFFSET)))
      assert(lbpf.use_debuginfod(false))
      print((lbpf.fsym(PATH, OFFSET))) ]])
  end))

  it("needs the address of a server", needs("debuginfod", function()
    for _, call in ipairs {"use_debuginfod(true)", "elf_symbols('/bin/sh', {debuginfod = true})",
      "elf_lines('/bin/sh', {debuginfod = true})"} do
      assert.matches("^nil\tdebuginfod: set DEBUGINFOD_URLS.*\t89\n$",
        (child.run(("print(require 'lbpf'.%s)"):format(call), "env -u DEBUGINFOD_URLS")))
    end
  end))
end)
