-- Runs the Lua in README.md, from the tour to the handlers, as it is written there. What it refers
-- to is in tests/bpf/readme.bpf.c.
local child = require "child"
local chunk = require "chunk"
local lbpf = require "lbpf"
local needs = require "needs"
local pins = require "pins"

local OBJECT = "build/bpf/readme.bpf.o"

-- The blocks of Lua, each with the line that it starts at.
local function blocks()
  local list, block, line, wanted = {}, nil, 0, false
  for text in io.lines("README.md") do
    line = line + 1
    wanted = (wanted or text == "## A tour") and text ~= "## In nginx"
    if text == "```lua" and wanted then
      block = {line = line + 1}
    elseif text == "```" and block then
      list[#list + 1] = {line = block.line, source = table.concat(block, "\n")}
      block = nil
    elseif block then
      block[#block + 1] = text:gsub(" do %.%.%. end", " do end")
    end
  end
  return list
end

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
    lbpf = module(pin), print = quiet, object = object, id = object.vars.stack_id,
    pid = child.pid(), prog = object.progs.prog, multi = object.progs.multi, session = session,
    io = {open = function() return io.open("tests/support/tool.h") end}, -- "tool.h"
    tracer = quiet,
  }, {__index = _G}), object, pin
end

describe("README.md", function()
  for _, block in ipairs(blocks()) do
    local needed = block.source:find("attach_kprobe_multi", 1, true) and "kprobe_multi"
      or block.source:find("kretprobe", 1, true) and "kprobes" or "tracefs"
    it("line " .. block.line, needs({"root", "btf", needed}, function()
      local env, object, pin = environment(needed)
      local done, message = pcall(chunk(block.source, "=README.md, block", env))
      os.remove(pin)
      object:close()
      assert(done, message)
    end))
  end

  it("has these blocks", function()
    assert.is_true(#blocks() >= 10)
  end)
end)
