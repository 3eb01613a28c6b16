-- Packets that arrive at an interface, by protocol: xdpcount.lua [-h] INTERFACE
local names = require "lbpf.names"
local text = require "lbpf.text"

-- Only counts: all packets pass.
local count = [[
  local bytes = ctx.data_end - ctx.data
  local ethernet, protocol = packet("struct ethhdr", 0), -1
  if ethernet and ntohs(ethernet.h_proto) == 0x0800 then
    local ip = packet("struct iphdr", 14)
    if ip then protocol = ip.protocol end
  elseif ethernet and ntohs(ethernet.h_proto) == 0x86dd then
    local ip = packet("struct ipv6hdr", 14)
    if ip then protocol = ip.nexthdr end
  end
  count("packets", protocol)
  sum("bytes", bytes, protocol)
  return XDP_PASS ]]

require "lbpf.tool" {
  name = "xdpcount",
  about = "Packets that arrive at an interface, by protocol. They belong to no process yet: --pid "
    .. "and --cgroup have no effect.",
  options = function(parser)
    parser:argument("interface", "Its name: eth0.")
  end,
  columns = {{"protocol", 10}, {"packets", -10}, {"bytes", -10, show = text.bytes}},
  maps = {"packets", "bytes"},
  programs = function(args)
    return {["xdp/" .. args.interface] = count}
  end,
  report = function(tracer, _, out)
    local bytes, rows = {}, {}
    for _, row in ipairs(tracer:rows("bytes")) do
      bytes[row.text[1]] = row.value
    end
    for _, row in ipairs(tracer:rows("packets")) do
      local number = tonumber(row.keys[1])
      table.insert(rows, 1, {
        protocol = number < 0 and "other" or names.protocol(number), packets = row.value,
        bytes = bytes[row.text[1]] or 0,
      })
    end
    out:table(rows)
  end,
}
