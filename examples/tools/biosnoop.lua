-- Requests to block devices, with whose they are and how long they take: biosnoop.lua [-h]
local text = require "lbpf.text"

local disks = {} -- names by number

local function disk_of(device)
  if not disks[device] then
    local major, minor = math.floor(device / 2 ^ 20), device % 2 ^ 20
    local file = io.open(("/sys/dev/block/%d:%d/uevent"):format(major, minor))
    disks[device] = file and file:read("*a"):match("DEVNAME=(%S+)")
      or ("%d:%d"):format(major, minor)
    if file then
      file:close()
    end
  end
  return disks[device]
end

require "lbpf.tool" {
  name = "biosnoop",
  about = "Requests to block devices, with whose they are and how long they take.",
  columns = {
    {"time", 8}, {"pid", -7}, {"comm", 16}, {"disk", 8}, {"type", 4}, {"sector", -12},
    {"bytes", -9, show = text.bytes}, {"ns", -9, title = "LATENCY", show = text.duration},
  },
  compile = {max_entries = 16384},
  programs = function(_, only)
    return {
      -- in the process that asks; the device's driver may run in another
      ["tp/block/block_getrq"] = only .. [[
        who[{args.dev, args.sector}] = pid
        name[{args.dev, args.sector}] = comm ]],

      ["tp/block/block_rq_issue"] = [[
        since[{args.dev, args.sector}] = nsecs
        size[{args.dev, args.sector}] = args.bytes ]],

      ["tp/block/block_rq_complete"] = ([[
        local at, bytes = since[{args.dev, args.sector}], size[{args.dev, args.sector}]
        local by = who[{args.dev, args.sector}]
        if at and (by or %s) then
          emit("row", {pid = by, comm = name[{args.dev, args.sector}], device = args.dev,
            type = args.rwbs, sector = args.sector, bytes = bytes, ns = nsecs - at})
        end
        since[{args.dev, args.sector}] = nil
        size[{args.dev, args.sector}] = nil
        who[{args.dev, args.sector}] = nil
        name[{args.dev, args.sector}] = nil ]]):format(only == "" and "true" or "false"),
    }
  end,
  rows = {
    row = function(row)
      row.disk = disk_of(row.device)
      return row
    end,
  },
}
