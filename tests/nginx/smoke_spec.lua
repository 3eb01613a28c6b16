-- lbpf in nginx: loaded in the master, as root, and used by the workers, as www-data.
local nginx = require "nginx"

describe("nginx", function()
  local server

  after_each(function()
    server:stop()
  end)

  it("loads an object in the master, and its workers use the maps", function()
    server = nginx.start(nginx.conf("worker_processes 2; events {}", [[
      init_by_lua_block {
        local bpf = require "resty.lbpf"
        object = assert(bpf.load("build/bpf/maps.bpf.o"))
      }
      server {
        listen 127.0.0.1:8080;
        location / {
          content_by_lua_block {
            local array = object.maps.array:view({numbers = true})
            array:update(1, 42)
            ngx.say(array:lookup(1))
          }
        }
      }]]))
    local text, status = nginx.get("http://127.0.0.1:8080/")
    assert.equal(200, status, server:log())
    assert.equal("42\n", text)
  end)
end)
