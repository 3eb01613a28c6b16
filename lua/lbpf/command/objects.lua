-- The objects that the kernel has: what lbpf prog, map, link and btf share.

local show = require "lbpf.command.show"
local support = require "lbpf.command.support"

local objects = {}

--- Declares `show` and, if DUMP says what it does, `dump`.
function objects.declare(command, kind, dump)
  command:require_command(true)
  command:command_target("action")
  local one = kind == "BTF" and "An id" or "An id, a name, or a pinned file's path"
  local list = command:command("show list"):summary(("List %s that are loaded."):format(kind))
  list:argument("object", one .. "; all if there is none."):args("?")
  list:flag("--json", "Write JSON.")
  if dump then
    local d = command:command("dump"):summary(dump)
    d:argument("object", one .. (kind == "BTF" and ", or a file's path." or "."))
    d:flag("--json", "Write JSON.")
  end
  return command
end

-- Whether an object is the one that a user names.
local function fits(info, name)
  return not name or tostring(info.id) == name or info.name == name
end

--- Lists the objects of EACH, an iterator of lbpf's, by LINE(info, fd): those that the arguments
-- name, or all. Returns the exit status.
function objects.show(each, args, line)
  local name, list = args.object, {}
  local pinned = name and name:find("/", 1, true)
  if pinned then
    local lbpf = require "lbpf"
    name = tostring(lbpf.obj_get_info_by_fd(support.check(lbpf.obj_get(name))).id)
  end
  local ok, message = pcall(function()
    for info, fd in each() do
      if fits(info, name) then
        list[#list + 1] = args.json and show.plain(info) or line(info, fd)
      end
      fd:close()
    end
  end)
  if not ok then
    support.fail("%s; this needs root, or CAP_BPF and CAP_SYS_ADMIN", message)
  elseif name and #list == 0 then
    support.fail("there is none with the id or the name '%s'", args.object)
  end
  support.list(list, args.json)
  return 0
end

--- The one object that a user names, by its id, name or path: a descriptor and its info.
function objects.find(each, name)
  local lbpf = require "lbpf"
  if name:find("/", 1, true) then
    local fd = support.check(lbpf.obj_get(name))
    return fd, (lbpf.obj_get_info_by_fd(fd))
  end
  local found, found_info
  for info, fd in each() do
    if fits(info, name) then
      if found then
        support.fail("several have the name '%s': give the id", name)
      end
      found, found_info = fd, info
    else
      fd:close()
    end
  end
  return support.check(found, ("there is none with the id or the name '%s'"):format(name)),
    found_info
end

return objects
