-- lbpf map show|dump: the maps in the kernel, and their elements.

local objects = require "lbpf.command.objects"
local show = require "lbpf.command.show"
local support = require "lbpf.command.support"

local map = {summary = "Show the maps in the kernel, and their elements."}

function map.declare(command)
  objects.declare(command, "maps", "Show a map's elements, with their types if it has any.")
end

local function line(info)
  return ("%d: %s  name %s  flags 0x%x\n\tkey %dB  value %dB  max_entries %d%s"):format(info.id,
    info.type, info.name, info.map_flags, info.key_size, info.value_size, info.max_entries,
    info.btf_id > 0 and "  btf_id " .. info.btf_id or "")
end

local function dump(args)
  local lbpf = require "lbpf"
  local fd, info = objects.find(lbpf.maps, args.object)
  local raw = info.btf_id == 0 or nil
  local view = support.check(lbpf.map(fd, {raw = raw}))
  local list = {}
  for key, value in view:pairs() do
    list[#list + 1] = args.json and {key = show.plain(key), value = show.plain(value)}
      or ("%s: %s"):format(show.text(key), show.text(value))
  end
  support.list(list, args.json)
  return 0
end

function map.run(args)
  if args.action == "dump" then
    return dump(args)
  end
  return objects.show(require("lbpf").maps, args, line)
end

return map
