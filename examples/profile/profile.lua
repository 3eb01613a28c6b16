-- Samples what the processors do, 99 times a second on each, and writes a flame graph:
--
--   profile.lua -s 10 -o cpu.svg
--   profile.lua -p PID -o cpu.pb     (for go tool pprof)
--   profile.lua                      (folded stacks)

local lbpf = require "lbpf"

local parser = require "argparse" ("profile", "Shows where processor time goes.")
parser:option("-s --seconds", "How long to sample."):convert(tonumber):default("5")
parser:option("-p --pid", "This process only."):convert(tonumber)
parser:option("-o --output", "A file: .svg: a flame graph; .pb: pprof; else folded stacks.")
parser:option("--object", "The compiled profile.bpf.c."):default("build/bpf/profile.bpf.o")
local args = parser:parse()

lbpf.handlers.register("perf_event")
local object = assert(lbpf.open(args.object))
object.vars.target_pid = args.pid or 0
assert(object:load())
assert(object:attach())

-- A process may end before its stacks are read: its mappings are remembered while it runs.
local counts = object.maps.counts
local function watch()
  for key in counts:pairs() do
    lbpf.watch_process(key.pid)
  end
end
lbpf.run {seconds = args.seconds, every = {[0.2] = watch}}
for _, link in pairs(object.links.sample) do
  link:destroy()
end

-- Appends the frames of a stack to a list, the root first.
local function append(frames, id, pid, suffix)
  local stack = id >= 0 and object.maps.stacks:lookup(id)
  local names = stack and lbpf.frames(stack, pid) or {}
  for i = #names, 1, -1 do
    frames[#frames + 1] = names[i] .. suffix
  end
end

local profile = require("lbpf.profile").new()
for key, count in counts:pairs() do
  local frames = {key.comm}
  append(frames, key.user_stack, key.pid, "")
  append(frames, key.kernel_stack, nil, "_[k]")
  profile:add(frames, count)
end
local lost = tonumber(object.vars.lost)
object:close()

local output = args.output or ""
local text
if output:match("%.svg$") then
  text = profile:svg {title = ("%d s of processor time"):format(args.seconds)}
elseif output:match("%.pb$") then
  text = profile:pprof {time = os.time() - args.seconds, duration = args.seconds}
else
  text = profile:folded()
end
if output == "" then
  io.write(text)
else
  local file = assert(io.open(output, "wb"))
  assert(file:write(text))
  assert(file:close())
end
if lost > 0 then
  io.stderr:write(lost, " samples were lost: the maps were full\n")
end
