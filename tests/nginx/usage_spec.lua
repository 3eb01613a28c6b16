-- Runs the examples in the reference that are for nginx: what is to be in which block, they say.
local examples = require "examples"
local nginx = require "nginx"
local pinned = require "lbpf.pinned"

describe("the example of", function()
  for _, example in ipairs(examples.all()) do
    if example.needs[1] == "nginx" then
      it(example.name, function()
        local blocks = {}
        for name, code in (example.source .. "\n-- in"):gmatch("%-%- in ([%w_]+):\n(.-)\n%f[%-]") do
          code = code:gsub('"(trace%.bpf%.o)"', '"build/bpf/%1"')
          blocks[name] = ("%s {\n%s\n}\n"):format(name, code)
        end
        local server = nginx.start(nginx.conf("worker_processes 2; events {}",
          blocks.init_by_lua_block .. blocks.init_worker_by_lua_block
          .. "server { listen 127.0.0.1:8080; location / {\n" .. blocks.content_by_lua_block
          .. "} }"))
        finally(function()
          server:stop()
          pinned.remove("/sys/fs/bpf/example")
        end)
        local text, status = nginx.get("http://127.0.0.1:8080/")
        assert.equal(200, status, server:log())
        assert.equal("0\n", text)
      end)
    end
  end
end)
