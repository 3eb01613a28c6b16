-- Runs the examples in the reference, each @usage, as they are written. "trace.bpf.o" stands for
-- tests/bpf/trace.bpf.c.
local chunk = require "chunk"
local lbpf = require "lbpf"
local needs = require "needs"

local TRACE = "build/bpf/trace.bpf.o"

-- What an example needs besides root, by the name of its function; and which program that is for.
local more = {
  ["program:attach_kprobe"] = "kprobes", ["program:attach_ksyscall"] = "kprobes",
  ["program:attach_kprobe_multi"] = "kprobe_multi", ["user_ring_buffer"] = "user rings",
  ["program:clone"] = "libbpf 1.8",
}
local programs = {kprobes = "probe", kprobe_multi = "multi"}

-- The examples that documented functions have, as {name, source}.
local function examples()
  local list = {}
  local pipe = assert(io.popen("ls core/*/*.c"))
  for path in pipe:lines() do
    local file = assert(io.open(path))
    for comment in file:read("*a"):gmatch("/%*%*%*.-%*/") do
      local source = comment:match("\n@usage (.*)%*/$")
      if source then
        list[#list + 1] = {
          name = comment:match("@function ([%w_:.]+)"), source = source:match("^(.-)\n@") or source,
        }
      end
    end
    file:close()
  end
  pipe:close()
  return list
end

local function open(path, opts)
  if path ~= "trace.bpf.o" then
    return lbpf.open(path, opts)
  end
  local object = assert(lbpf.open(TRACE, opts))
  object.maps.commands:set_autocreate(needs.met "user rings")
  return object
end

-- What examples refer to: an object that is loaded.
local function environment(need)
  local object = assert(lbpf.open(TRACE))
  for _, name in ipairs {"point", "raw", "sample", "drop", programs[need]} do
    object.progs[name]:set_autoload(true)
  end
  object.maps.commands:set_autocreate(need == "user rings")
  assert(object:load())
  local function quiet() end
  return setmetatable({
    lbpf = setmetatable({open = open}, {__index = lbpf}), print = quiet, object = object,
  }, {__index = _G}), object
end

describe("the example of", function()
  for _, example in ipairs(examples()) do
    local need = more[example.name]
    it(example.name, needs({"root", "btf", "tracefs", need}, function()
      local env, object = environment(need)
      chunk(example.source, "@usage of " .. example.name, env)()
      object:close()
    end))
  end

  it("most functions that are called often is there", function()
    assert.is_true(#examples() >= 40)
  end)
end)
