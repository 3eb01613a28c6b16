-- lbpf run FILE: runs a script of Lua that ends as a tool ends.

local support = require "lbpf.command.support"

local run = {
  summary = "Run a script.",
  description = "Runs a script of Lua with its arguments, as lua does. SIGINT, SIGTERM, SIGHUP "
    .. "and SIGPIPE end it wherever it is: its objects are closed, nothing is written about it, "
    .. "and the exit status tells the signal. Lines that it prints are written at once, also to "
    .. "pipes.",
  rest = true,
}

function run.declare(command)
  command:argument("file", "The script; what follows it are its arguments.")
end

local unpack = table.unpack or unpack -- luacheck: globals unpack

--- Calls a chunk with the list ARGUMENTS, which are in the global `arg`, too. Returns its results.
function run.call(path, arguments)
  local lbpf = require "lbpf"
  local chunk = support.check(loadfile(path))
  local own = _G.arg -- argparse has this table already
  for i = 1, math.max(#own, #arguments) do
    own[i] = arguments[i]
  end
  own[0] = path
  io.stdout:setvbuf("line")
  local results = {xpcall(function()
    return chunk(unpack(arguments))
  end, lbpf.traceback)}
  if not results[1] then
    support.fail("%s", (tostring(results[2]):gsub("\n[^\n]*'xpcall'.*$", ""))) -- what is ours
  end
  return results[2]
end

function run.run(args)
  run.call(args.file, args.rest)
  return 0
end

return run
