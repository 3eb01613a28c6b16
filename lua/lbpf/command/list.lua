-- lbpf list GLOB: the probes that this kernel has.

local support = require "lbpf.command.support"

local list = {
  summary = "List probes with their arguments.",
  description = "Lists the probes that fit, with their arguments. What is loaded is listed by lbpf "
    .. "prog, map, link and btf.",
}

function list.declare(command)
  command:argument("glob", "Such as \"tracepoint:sched:*\", \"kprobe:vfs_*\", \"*openat*\" or "
    .. "\"uprobe:/bin/bash:read*\"; all of the kernel's if there is none."):args("?"):default("*")
end

function list.run(args)
  local known = require("lbpf.trace.list").each(args.glob, function(section, arguments, result)
    print(section .. (arguments and "(" .. arguments .. ")" or "")
      .. (result and " -> " .. result or ""))
  end)
  return known and 0 or support.fail("%s: such probes cannot be listed", args.glob)
end

return list
