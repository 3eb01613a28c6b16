-- The program and the nginx.conf of the README.
local child = require "child"
local network = require "network"
local nginx = require "nginx"
local pages = require "pages"
local pinned = require "lbpf.pinned"

local function block(language)
  local text = pages.read("README.md")
  local section = text:match("\n## In nginx\n(.-)\n## ")
  return assert(section:match("\n```" .. language .. "\n(.-)\n```\n"))
end

describe("the README's recipe for nginx", function()
  local server, dir

  setup(function()
    network.up()
    dir = os.tmpname()
    os.remove(dir)
    assert(child.succeeds("mkdir " .. dir))
    local source = assert(io.open(dir .. "/guard.bpf.c", "w"))
    source:write(block("c"), "\n")
    source:close()
    local command = block("c"):match("^/%* (clang .-)%*/"):gsub("\\\n %*", "")
    command = command:gsub("/etc/nginx", dir)
    assert(child.succeeds("cd " .. dir .. " && " .. command))
  end)

  teardown(function()
    server:stop()
    pinned.remove("/sys/fs/bpf/guard")
    network.down()
    child.succeeds("rm -r " .. dir)
  end)

  it("works as it is", function()
    local outside, http = block("nginx"):match("^(.-)\nhttp {\n(.*)\n}$")
    -- only what differs here: where things are, and the interface
    outside = outside:gsub("user www%-data;\n", ""):gsub("auto", "2")
    http = http:gsub("    lua_package_c?path .-\n", ""):gsub("/etc/nginx", dir)
      :gsub('"eth0"', '"near"'):gsub("/var/www/html", "/usr/share/nginx/html")
    server = nginx.start(nginx.conf(outside, http))
    local function answers()
      return child.succeeds("ip netns exec peer curl -s -m 0.3 -o /dev/null http://10.77.0.1/")
    end
    assert.is_true(answers())
    nginx.get("http://10.77.0.1/.env", "ip netns exec peer")
    assert.is_false(answers())
    -- 10.77.0.2, TCP
    child.wait_until(function()
      return server:log():find("dropped: protocol 6 of 172818434", 1, true)
    end)
    server:reload()
    assert.is_false(answers())
  end)
end)
