-- What tools do with a map of stacks, whose keys are pid, comm, user's and kernel's stack.

local lbpf = require "lbpf"
local profile = require "lbpf.profile"

local stacks = {}

--- The options of such tools.
function stacks.options(parser)
  parser:option("-o --output", "A file: .svg: a flame graph; .pb: pprof; else folded stacks.")
  parser:mutex(parser:flag("-K --kernel", "Only the kernel's frames."),
    parser:flag("-U --user", "Only the processes' frames."))
  parser:flag("--lines", "Source lines and inlined functions, of programs that have debugging "
    .. "information.")
  parser:flag("--debuginfod", "Ask the servers of DEBUGINFOD_URLS for debug files.")
end

--- Timers that remember the mappings of processes, which may end before their stacks are read.
function stacks.watch(tracer, args)
  if args.debuginfod then
    local ok, message = lbpf.use_debuginfod(true)
    if not ok then
      error({message = message}, 0)
    end
  end
  return {[0.2] = function()
    for key in tracer.maps.stacks:pairs() do
      lbpf.watch_process(key.k1)
    end
  end}
end

-- Appends the frames of a stack, the root first.
local function append(frames, tracer, id, pid, suffix, opts)
  id = tonumber(id)
  local stack = id >= 0 and tracer.stacks:lookup(id)
  local names = stack and lbpf.frames(stack, pid, opts) or {}
  for i = #names, 1, -1 do
    local unknown = names[i]:match("^%[.*%]$")
    if not unknown or frames[#frames] ~= unknown then -- one frame for a row of such
      frames[#frames + 1] = unknown or names[i] .. suffix
    end
  end
end

local function frames_of(tracer, args, keys)
  local frames = {keys[2]}
  if not args.kernel then
    append(frames, tracer, keys[3], tonumber(keys[1]), "", {lines = args.lines})
  end
  if not args.user then
    append(frames, tracer, keys[4], nil, "_[k]")
  end
  return frames
end

local function write_file(path, bytes)
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
end

--- Writes the map `stacks`: to a file, as folded stacks, or as rows with JSON.
-- @param what `title`, `unit`, `type` of the profile
function stacks.write(tracer, args, out, what)
  local whole = profile.new {unit = what.unit, type = what.type}
  for _, row in ipairs(tracer:rows("stacks")) do
    local frames = frames_of(tracer, args, row.keys)
    if out.format == "json" then
      out:line {{"pid", row.keys[1]}, {"comm", row.keys[2]}, {"value", row.value},
        {"frames", frames}}
    end
    whole:add(frames, row.value)
  end
  local path = args.output or ""
  if path:match("%.svg$") then
    write_file(path, whole:svg {title = what.title})
  elseif path:match("%.pb$") then
    write_file(path, whole:pprof {time = os.time(), duration = args.time})
  elseif path ~= "" then
    write_file(path, whole:folded())
  elseif out.format ~= "json" then
    io.write(whole:folded())
  end
end

return stacks
