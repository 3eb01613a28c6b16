-- docs/hosts.md: its files are written, and run in the programs that embed Lua.
local child = require "child"
local needs = require "needs"
local pages = require "pages"

-- What the scripts of bash have: `see COMMAND...` executes what is to be seen until the command is
-- content.
local HEAD = [[
top=$PWD
export LUA_PATH="$top/lua/?.lua;$top/lua/?/init.lua;;" LUA_CPATH="$top/build/%s/?.so;;"
see() {
  for i in $(seq 300); do
    "$top/build/helpers/datagrams" >/dev/null 2>&1
    ! "$@" || break
    sleep 0.05
  done
}
cd %s
]]

local page = pages.open "docs/hosts.md"

-- By their names.
local sources = {}
for _, name in ipairs {"haproxy.lua", "haproxy.cfg", "neovim.lua", "kresd.conf", "threads.c",
  "thread.lua"} do
  sources[name] = page:file(name)
end

describe("docs/hosts.md", function()
  local dir

  before_each(function()
    dir = child.output("mktemp -d"):gsub("\n", "")
  end)

  after_each(function()
    child.output("rm -r " .. dir)
  end)

  -- Runs a script of bash beside these files of the page, with lbpf for that Lua.
  local function run(lua, files, script)
    for _, name in ipairs(files) do
      local file = assert(io.open(dir .. "/" .. name, "w"))
      file:write(sources[name])
      file:close()
    end
    local file = assert(io.open(dir .. "/script", "w"))
    file:write(HEAD:format(lua, dir), script)
    file:close()
    return child.output("unset LD_PRELOAD; timeout 60 bash " .. dir .. "/script")
  end

  it("traces in HAProxy", needs({"root", "tracefs", "btf", "host haproxy"}, function()
    local output, status = run("lua5.3", {"haproxy.lua", "haproxy.cfg"}, [[
      haproxy -f haproxy.cfg &
      answers() {
        { exec 3<>/dev/tcp/127.0.0.1/7180; } 2>/dev/null || return
        printf 'GET / HTTP/1.0\r\n\r\n' >&3
        grep datagrams <&3
      }
      see answers
      kill $!
      wait $! ]])
    assert.matches("build/helpers/datagrams", output, 1, true)
    assert.equal(143, status, output) -- by SIGTERM
  end))

  it("traces in Neovim", needs({"root", "tracefs", "btf", "host nvim"}, function()
    local output, status = run("luajit", {"neovim.lua"}, [[
      nvim --headless -u NONE -c 'luafile neovim.lua' -c 'sleep 3' -c 'qa!' >out 2>&1 &
      see grep datagrams out
      wait $! ]])
    assert.matches("build/helpers/datagrams", output, 1, true)
    assert.equal(0, status, output)
  end))

  it("traces in Knot Resolver", needs({"root", "tracefs", "btf", "host kresd"}, function()
    local output, status = run("luajit", {"kresd.conf"}, [[
      mkdir cache
      kresd -n -q -c ../kresd.conf cache </dev/null >out 2>&1 &
      see grep datagrams out
      kill $!
      wait $! ]])
    assert.matches("build/helpers/datagrams", output, 1, true)
    assert.equal(0, status, output)
  end))

  it("traces in two threads", needs({"root", "tracefs", "btf", "host cc"}, function()
    local output, status = run("lua5.4", {"threads.c", "thread.lua"}, [[
      cc -o threads threads.c -pthread $(pkg-config --cflags --libs lua5.4) || exit
      ./threads thread.lua thread.lua >out 2>&1 &
      both() { [ "$(grep -c datagrams out)" -ge 2 ]; }
      see both
      wait $! ]])
    assert.equal("", output)
    assert.equal(0, status)
  end))

  it("has no other block", function()
    assert.same({}, page:left())
  end)
end)
