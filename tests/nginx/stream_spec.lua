-- The Lua VMs of http and of stream, in one nginx: each has its own SEC() handlers. Debian has no
-- Lua module for stream: STREAM_LUA is the path of one, where it is not among nginx's modules.
local child = require "child"
local lbpf = require "lbpf"
local lfs = require "lfs"
local nginx = require "nginx"

local MODULE = os.getenv("STREAM_LUA") or "/usr/lib/nginx/modules/ngx_stream_lua_module.so"

-- Both take over the same two names, one of them libbpf's; http alone has a third. They note what
-- they are called for.
local INIT = [[
  init_by_lua_block {
    local lbpf = require "lbpf"
    notes = {}
    local function note(...)
      notes[#notes + 1] = table.concat({...}, " ")
    end
    for _, sec in ipairs({SECTIONS}) do
      assert(lbpf.register_prog_handler(sec, "raw_tracepoint", nil, {
        cookie = "NAME",
        prog_setup_fn = function(prog, cookie) note(cookie, "sets up", prog:name()) end,
        prog_prepare_load_fn = function(prog, _, cookie) note(cookie, "prepares", prog:name()) end,
        prog_attach_fn = function(prog, cookie)
          note(cookie, "attaches", prog:name())
          return prog:attach_raw_tracepoint("sys_enter")
        end,
      }))
    end
    object = assert(require("resty.lbpf").load("build/bpf/handlers.bpf.o", {
      setup = function(it)
        for prog in it:each_program() do
          prog:set_autoload(prog:name() == "abc1" or prog:name() == "raw1")
        end
        note("custom1 is " .. it.progs.custom1:type())
      end,
    }))
  }
]]

-- The notes, and whether the programs have run.
local CONTENT = [[
  content_by_lua_block {
    local hits = object.maps.hits:view({numbers = true})
    notes[#notes + 1] = hits:lookup(1) > 0 and hits:lookup(9) > 0 and "both run" or "idle"
    ngx.say(table.concat(notes, "\n"))
  }
]]

local function init(name, sections)
  return (INIT:gsub("NAME", name):gsub("SECTIONS", sections))
end

local function conf()
  return nginx.conf(([[
    load_module /usr/lib/nginx/modules/ngx_stream_module.so;
    load_module %s;
    worker_processes 2;
    events {}
    stream {
      %s %s
      server { listen 127.0.0.1:8081; %s }
    }]]):format(MODULE, nginx.lua_paths(), init("stream", [["abc", "raw_tp+"]]), CONTENT),
    init("http", [["abc", "raw_tp+", "custom"]]) .. "server { listen 127.0.0.1:8080; location / {"
      .. CONTENT .. "} }")
end

local HTTP = [[
http sets up abc1
http sets up custom1
http sets up raw1
custom1 is raw_tracepoint
http prepares abc1
http prepares raw1
http attaches abc1
http attaches raw1
both run
]]
local STREAM = HTTP:gsub("http sets up custom1\n", ""):gsub("is raw_tracepoint", "is unspec")
  :gsub("http", "stream")

-- How many programs of the two there are in the kernel, and links to them.
local function kernel_has()
  local progs, links, ids = 0, 0, {}
  for prog, fd in lbpf.programs() do
    if prog.name == "abc1" or prog.name == "raw1" then
      progs, ids[prog.id] = progs + 1, true
    end
    fd:close()
  end
  for link, fd in lbpf.links() do
    links = links + (ids[link.prog_id] and 1 or 0)
    fd:close()
  end
  return progs .. " programs, " .. links .. " links"
end

describe("http and stream in one nginx", function()
  local server

  after_each(function()
    if server then
      server:stop()
    end
  end)

  it("have handlers of their own", function()
    if not os.getenv("STREAM_LUA") and not lfs.attributes(MODULE) then
      pending("needs ngx_stream_lua_module.so, which Debian does not have (STREAM_LUA)")
    end
    server = nginx.start(conf())
    assert.equal(HTTP, (nginx.get("http://127.0.0.1:8080/")))
    assert.equal(STREAM, child.output("bash -c 'cat </dev/tcp/127.0.0.1/8081'"))
    assert.equal("4 programs, 4 links", kernel_has())
    server:reload()
    assert.equal(HTTP, (nginx.get("http://127.0.0.1:8080/")))
    assert.equal(STREAM, child.output("bash -c 'cat </dev/tcp/127.0.0.1/8081'"))
    child.wait_until(function() return kernel_has() == "4 programs, 4 links" end)
    server:stop()
    child.wait_until(function() return kernel_has() == "0 programs, 0 links" end)
  end)
end)
