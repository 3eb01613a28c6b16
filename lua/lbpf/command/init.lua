-- The command lbpf: what bin/lbpf runs.
--
-- A subcommand is a file in this folder: `summary`, one line; `declare(command)`, its arguments,
-- for argparse; and `run(args)`, which returns the exit status. One that has `rest` hands on what
-- follows its first argument, as the list `args.rest`.

local support = require "lbpf.command.support"

local NAMES = {
  "run", "trace", "list", "tools", "compile", "build", "vmlinux", "prog", "map", "link", "btf",
  "check", "new",
}

local commands = {}

local function load_commands()
  for _, name in ipairs(NAMES) do
    commands[name] = commands[name] or require("lbpf.command." .. name)
  end
  return commands
end

-- The parser of the arguments, which the manual page is made of, too.
local function parser()
  local found, argparse = pcall(require, "argparse")
  if not found then
    support.fail("the command lbpf needs argparse (Debian: lua-argparse)")
  end
  local p = argparse("lbpf", "Runs BPF programs in Lua and in C, and shows what is loaded.")
  p:require_command(true)
  p:command_target("command")
  for _, name in ipairs(NAMES) do
    local one = load_commands()[name]
    one.declare(p:command(name):summary(one.summary):description(one.description or one.summary))
  end
  p:add_complete_command {name = "completion", summary = "Write a shell's completion script."}
  return p
end

-- The arguments for argparse, and those that are handed on.
local function split(arguments)
  local own, rest = {}, {}
  local one = load_commands()[arguments[1]]
  local list = own
  for i, argument in ipairs(arguments) do
    list[#list + 1] = argument
    if one and one.rest and i > 1 and argument:sub(1, 1) ~= "-" then
      list = rest
    end
  end
  return own, rest
end

local command = {parser = parser}

-- Parses the arguments, and runs their subcommand.
local function dispatch(arguments)
  local own, rest = split(arguments)
  local ok, args = parser():pparse(own)
  if not ok then
    support.fail("%s\nlbpf %s--help says more", args,
      commands[own[1]] and own[1] .. " " or "")
  end
  args.rest = rest
  return commands[args.command].run(args)
end

local function text_of(problem)
  return "lbpf: " .. tostring(type(problem) == "table" and problem.message or problem)
end

-- Runs the command with a list of arguments, and returns its exit status. If a signal ended it,
-- the process then ends by that signal, and the status is 0: the caller must not call os.exit().
function command.run(arguments)
  local signal, ok, result = require("lbpf.core").interruptible(pcall, dispatch, arguments)
  if signal then
    return 0
  elseif ok then
    return result
  end
  io.stderr:write(text_of(result), "\n")
  return 1
end

return command
