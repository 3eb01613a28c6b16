-- lbpf link show: the links in the kernel.

local objects = require "lbpf.command.objects"
local show = require "lbpf.command.show"

local link = {summary = "Show the links in the kernel: what is attached to what."}

function link.declare(command)
  objects.declare(command, "links")
end

local GENERAL = {type = true, id = true, prog_id = true, name = true}

local function line(info)
  local details = {}
  for name, value in pairs(info) do
    if not GENERAL[name] then
      details[#details + 1] = "\n\t" .. name .. " " .. show.text(value)
    end
  end
  table.sort(details)
  return ("%d: %s  prog %d%s"):format(info.id, info.type, info.prog_id, table.concat(details))
end

function link.run(args)
  return objects.show(require("lbpf").links, args, line)
end

return link
