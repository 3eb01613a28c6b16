-- With lua_code_cache off nginx runs init_by_lua again for each request, in a worker.
local nginx = require "nginx"

local function conf(user)
  return nginx.conf("worker_processes 1; events {}", [[
    lua_code_cache off;
    init_by_lua_block {
      local bpf = require "resty.lbpf"
      object = assert(bpf.load("build/bpf/maps.bpf.o"))
    }
    server {
      listen 127.0.0.1:8080;
      location / {
        content_by_lua_block {
          object.maps.array:view({numbers = true}):update(1, 42)
          ngx.say "updated"
        }
      }
    }]]):gsub("user www%-data", "user " .. user)
end

describe("lua_code_cache off", function()
  local server

  after_each(function()
    server:stop()
  end)

  it("is named by the error, where workers may not load programs", function()
    server = nginx.start(conf "www-data")
    local _, status = nginx.get "http://127.0.0.1:8080/"
    assert.equal(500, status)
    assert.matches("because lua_code_cache is off, and they may not load", server:log(), 1, true)
  end)

  it("works where workers are root", function()
    server = nginx.start(conf "root")
    for _ = 1, 3 do
      local text, status = nginx.get "http://127.0.0.1:8080/"
      assert.equal(200, status, server:log())
      assert.equal("updated\n", text)
    end
  end)
end)
