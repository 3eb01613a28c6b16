-- Runs the examples in the reference, each @usage, as they are written: tests/support/examples.lua.
-- "x.bpf.o" stands for tests/bpf/x.bpf.c; `object` is trace.bpf.o, loaded.
local child = require "child"
local chunk = require "chunk"
local examples = require "examples"
local lbpf = require "lbpf"
local needs = require "needs"

local TRACE = "build/bpf/trace.bpf.o"

-- Programs of it that only some kernels have, by what examples need.
local programs = {kprobes = "probe", kprobe_multi = "multi"}

local function quiet() end

local function open(path, opts)
  local object, message, errno, log = lbpf.open(path, opts)
  if path == TRACE and object then
    object.maps.commands:set_autocreate(needs.met "user rings")
  end
  return object, message, errno, log
end

local function trace(list, opts)
  opts = opts or {}
  opts.out = opts.out or quiet
  return lbpf.trace(list, opts)
end

-- An address of this process's code.
local function address()
  for line in io.lines("/proc/self/maps") do
    local from = line:match("^(%x+)%-%x+ r%-xp")
    if from then
      return tonumber(from, 16)
    end
  end
end

-- What examples refer to, with the need of one.
local function environment(need)
  local object = assert(open(TRACE))
  for _, name in ipairs {"point", "raw", "sample", "drop", programs[need]} do
    object.progs[name]:set_autoload(true)
  end
  assert(object:load())
  return setmetatable({
    lbpf = setmetatable({open = open, trace = trace}, {__index = lbpf}), print = quiet,
    object = object, pid = child.pid(), address = address(),
  }, {__index = _G}), object
end

-- Where the machine has cgroups of version 2.
local function cgroup()
  for line in io.lines("/proc/self/mounts") do
    local point = line:match("^%S+ (%S+) cgroup2 ")
    if point then
      return point
    end
  end
end

local function run(example)
  local source = example.source:gsub('"([%w_]+%.bpf%.o)"', '"build/bpf/%1"')
    :gsub("/sys/fs/cgroup", cgroup() or "%0")
  local env, object = environment(example.needs[1])
  chunk(source, ("=example of %s, %s"):format(example.name, example.path), env)()
  object:close()
  collectgarbage() -- what the example has left must not be in the way of the next
end

-- A tool is a process.
local function run_tool(example)
  local text, status = child.output(([[echo 'arg = {[0] = "tool", "-t", "0.1"} '%s | %s -]]):format(
    "'" .. example.source:gsub("'", "'\\''") .. "'", os.getenv("LBPF_LUA")))
  assert.equal(0, status, text)
end

describe("the example of", function()
  for _, example in ipairs(examples.all()) do
    local list = {"root", "btf", "tracefs"}
    for i, need in ipairs(example.needs) do
      list[3 + i] = need
    end
    if example.needs[1] ~= "nginx" then -- tests/nginx/readme_spec.lua has those
      it(example.name, needs(list, function()
        (example.source:find('^require "lbpf.tool"') and run_tool or run)(example)
      end))
    end
  end
end)
