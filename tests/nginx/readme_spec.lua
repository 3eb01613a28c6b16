-- The program and the nginx.conf of the README, and those of docs/openresty.md for that program.
local child = require "child"
local network = require "network"
local nginx = require "nginx"
local pages = require "pages"
local pinned = require "lbpf.pinned"

local readme, resty = pages.open "README.md", pages.open "docs/openresty.md"
local program, whole = readme:take("c", "guard.bpf.c"), readme:take("nginx", "guard.bpf.o")
local synopsis = resty:take("nginx", "guard.bpf.o")

describe("the recipe for nginx", function()
  local server, dir

  before_each(function()
    network.up()
    dir = os.tmpname()
    os.remove(dir)
    assert(child.succeeds("mkdir " .. dir))
    local source = assert(io.open(dir .. "/guard.bpf.c", "w"))
    source:write(program)
    source:close()
    local command = program:match("^/%* (clang .-)%*/"):gsub("\\\n %*", "")
    command = command:gsub("/etc/nginx", dir)
    assert(child.succeeds("cd " .. dir .. " && " .. command))
  end)

  after_each(function()
    server:stop()
    pinned.remove("/sys/fs/bpf/guard")
    network.down()
    child.succeeds("rm -r " .. dir)
  end)

  -- Starts nginx with only what differs here: where things are, and the interface.
  local function start(outside, http)
    http = http:gsub("    lua_package_c?path .-\n", ""):gsub("/etc/nginx", dir)
      :gsub('"eth0"', '"near"'):gsub("/var/www/html", "/usr/share/nginx/html")
    server = nginx.start(nginx.conf(outside, http))
  end

  local function answers()
    return child.succeeds("ip netns exec peer curl -s -m 0.3 -o /dev/null http://10.77.0.1/")
  end

  -- Who asks for this is banned.
  local function ask()
    assert.is_true(answers())
    nginx.get("http://10.77.0.1/.env", "ip netns exec peer")
    assert.is_false(answers())
  end

  local function wait_for(text)
    child.wait_until(function() return server:log():find(text, 1, true) end)
  end

  it("of the README works as it is", function()
    local outside, http = whole:match("^(.-)\nhttp {\n(.*)\n}\n$")
    start(outside:gsub("user www%-data;\n", ""):gsub("auto", "2"), http)
    ask()
    wait_for "dropped: protocol 6 of 172818434" -- 10.77.0.2, TCP
    server:reload()
    assert.is_false(answers())
  end)

  it("of docs/openresty.md works as it is", function()
    start("worker_processes 2; events {}", synopsis:match("^http {\n(.*)\n}\n$"))
    ask()
    wait_for "dropped a packet of 172818434"
  end)

end)

describe("docs/openresty.md", function()
  it("has no other block", function()
    assert.same({}, resty:left())
  end)
end)
