-- Runs the code in README.md, and docs/performance.md, as it is written there. What it refers to is
-- in tests/bpf/readme.bpf.c.
local child = require "child"
local chunk = require "chunk"
local lbpf = require "lbpf"
local needs = require "needs"
local pages = require "pages"
local pins = require "pins"

local OBJECT = "build/bpf/readme.bpf.o"

-- What is printed is dropped.
local function quiet() end

-- lbpf with this object for "trace.bpf.o", and a loop that does not wait for Ctrl-C.
local function module(pin)
  local own = {
    open = function(path, opts)
      return lbpf.open(path == "trace.bpf.o" and OBJECT or path, opts)
    end,
    map = function(path)
      return lbpf.map(path == "/sys/fs/bpf/flows" and pin or path)
    end,
    trace = function(programs)
      return lbpf.trace(programs, {out = quiet})
    end,
    run = function(what)
      what.seconds = 0.1
      return lbpf.run(what)
    end,
  }
  return setmetatable(own, {__index = lbpf})
end

-- What the blocks refer to: an object that is loaded and has had an event.
local function environment(needed)
  local object = assert(lbpf.open(OBJECT))
  for _, name in ipairs(needed == "kprobe_multi" and {"prog", "multi"} or {}) do
    object.progs[name]:set_autoload(true)
  end
  assert(object:load())
  object.vars.target_pid = child.kernel_pid()
  assert(object:attach())
  child.pid() -- calls the kernel
  local pin = pins.path()
  assert(object.maps.flows:pin(pin))
  local session = {attach_kprobe_multi = quiet} -- attach_kprobe_multi_spec has one
  return setmetatable({
    lbpf = module(pin), print = quiet, report = quiet, object = object,
    id = object.vars.stack_id, pid = child.pid(), prog = object.progs.prog,
    multi = object.progs.multi, session = session,
    io = {open = function() return io.open("tests/support/tool.h") end}, -- "tool.h"
  }, {__index = _G}), object, pin
end

-- Runs a block, with more of what it refers to: the variables of WITH, or what WITH returns.
local function run(source, needed, with)
  local env, object, pin = environment(needed)
  for name, value in pairs(with and with(env) or {}) do
    env[name] = value
  end
  local done, message = pcall(chunk(source, "=block", env))
  os.remove(pin)
  object:close()
  assert(done, message)
end

local function need_of(source)
  return source:find("attach_kprobe_multi", 1, true) and "kprobe_multi"
    or source:find("kretprobe", 1, true) and "kprobes" or "tracefs"
end

local function command(line)
  return (line:gsub("^lbpf", os.getenv("LBPF_LUA") .. " bin/lbpf"))
end

describe("README.md", function()
  local page = pages.open "README.md"

  local sections, teach = page:take("c", 'SEC("syscall'), page:take("lua", "teach")
  it("has sections of its own", needs({"root", "clang", "tracefs"}, function()
    local opens = pages.read("examples/opens/opens.bpf.c")
    local source = "#include <bpf/bpf_helpers.h>\nchar LICENSE[] SEC(\"license\") = \"GPL\";\n"
      .. opens:match("\n(struct sys_enter.-)struct start")
      .. sections:gsub("{ %.%.%. }", "{ return 0; }")
    local object
    local own = setmetatable({open = function()
      object = assert(lbpf.open_mem(assert(lbpf.compile {c = source, cache = false})))
      return object
    end}, {__index = lbpf})
    local required = {lbpf = own}
    finally(function() object:close() end)
    chunk(teach, "=README.md", setmetatable({
      require = function(name) return required[name] end,
    }, {__index = _G}))()
    assert.is_not_nil(object.links.enter)
    assert.is_not_nil(object.links.leave)
  end))

  local loops = page:take("lua", "cqueues.poll")
  it("works in other event loops", needs({"root", "btf", "cqueues", "luv"}, function()
    run(loops, "tracefs", function(env)
      return {
        cqueues = require "cqueues", uv = require "luv",
        ring = assert(lbpf.ring_buffer(env.object.maps.events, quiet)),
      }
    end)
    require("luv").walk(function(handle) handle:close() end)
    require("luv").run()
  end))

  for _, block in ipairs(page:take_all("lua")) do
    if block.source ~= loops and block.source ~= teach then
      local need = need_of(block.source)
      it("line " .. block.line, needs({"root", "btf", need}, function()
        run(block.source:gsub(" do %.%.%. end", " do end"), need)
      end))
    end
  end

  local script = page:commands("lbpf run")[1]
  it("runs a script", needs("argparse", function()
    local file = assert(io.open("script.lua", "w"))
    finally(function() os.remove("script.lua") end)
    file:write('print(require("lbpf")._VERSION)')
    file:close()
    assert.same({lbpf._VERSION .. "\n", 0}, {child.output(command(script))})
  end))

  local trace = page:commands("lbpf trace")[1]
  it("traces by a command", needs({"root", "argparse", "tracefs"}, function()
    local text, status = child.output(command(trace) .. " -t 0.1")
    assert.equal(0, status, text)
    assert.matches("calls%[", text)
  end))

  -- .ci/run has these, tests/readme those that install, tests/nginx/readme_spec.lua a server.
  assert(page:commands("make demo") and page:commands("make test"))
  assert(page:commands("apt-get install") and page:commands("make install LUA=luajit"))
  assert(page:take("c", "guard.bpf.c") and page:take("nginx", "guard.bpf.o"))

  it("has no other block", function()
    assert.same({}, page:left())
  end)
end)

describe("docs/performance.md", function()
  local page = pages.open "docs/performance.md"

  for _, block in ipairs(page:take_all("lua")) do
    local need = block.source:find("ffi", 1, true) and "jit" or "tracefs"
    it("line " .. block.line, needs({"root", "btf", need}, function()
      run(block.source, need, function(env)
        return {
          total = 0, map = env.object.maps.events, key = {address = 1, port = 1},
          ffi = need == "jit" and require "ffi",
        }
      end)
    end))
  end

  it("has no other block", function()
    assert.same({}, page:left())
  end)
end)
