-- lbpf tools NAME: runs one of the tools that come with lbpf.

local run = require "lbpf.command.run"
local support = require "lbpf.command.support"

local tools = {
  summary = "Run one of the tools that come with lbpf, or list them.",
  description = "Runs one of the tools that come with lbpf, with its arguments; -h shows these. "
    .. "Lists the tools if there is no name.",
  rest = true,
}

function tools.declare(command)
  command:argument("name", "The tool; what follows it are its arguments."):args("?")
end

-- Where they are: beside this folder once lbpf is installed, or in the project.
local function folder()
  local here = debug.getinfo(1, "S").source:match("^@(.*)/command/[^/]*$") or "."
  for _, path in ipairs {here .. "/tools", here .. "/../../examples/tools"} do
    local file = io.open(path .. "/execsnoop.lua")
    if file then
      file:close()
      return path
    end
  end
  support.fail("the tools are not installed: there is no %s/tools", here)
end

-- What the first line of a tool says: "-- Files that are opened: opensnoop.lua [-h]".
local function summary(path)
  local file = support.check(io.open(path))
  local line = file:read("*l") or ""
  file:close()
  return line:match("^%-%- (.*): %S+%.lua") or line:match("^%-%- (.*)") or ""
end

local function list()
  local path = folder()
  local _, names = require("lbpf").spawn({"ls", path})
  for name in names:gmatch("([%w_]+)%.lua\n") do
    print(("%-16s %s"):format(name, summary(path .. "/" .. name .. ".lua")))
  end
  return 0
end

function tools.run(args)
  if not args.name then
    return list()
  end
  local path = ("%s/%s.lua"):format(folder(), args.name)
  local file = not args.name:find("/", 1, true) and io.open(path)
  if not file then
    support.fail("there is no tool '%s'; lbpf tools lists them", args.name)
  end
  file:close()
  run.call(path, args.rest)
  return 0
end

return tools
