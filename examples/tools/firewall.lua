-- Keeps the processes of a cgroup from addresses and ports, while it runs:
-- firewall.lua --cgroup DIR --deny 10.0.0.0/8 --port 25
local names = require "lbpf.names"
local text = require "lbpf.text"

-- A comparison of the 4-byte words of an address with a prefix.
local function prefix_test(prefix, length, word)
  local tests = {}
  for i = 1, #prefix, 4 do
    local bits = math.max(0, math.min(32, length - (i - 1) * 8))
    local mask = 2 ^ 32 - 2 ^ (32 - bits)
    local a, b, c, d = prefix:byte(i, i + 3)
    local value = ((a * 256 + b) * 256 + c) * 256 + d
    if bits > 0 then
      tests[#tests + 1] = ("ntohl(%s) & %.0f == %.0f"):format(word:format((i - 1) / 4), mask,
        value - value % 2 ^ (32 - bits))
    end
  end
  return #tests > 0 and table.concat(tests, " and ") or "true"
end

local function parse_prefix(given)
  local address, length = given:match("^(.-)/(%d+)$")
  local bytes = text.pton(address or given)
  length = tonumber(length) or bytes and #bytes * 8
  if not bytes or length > #bytes * 8 then
    return nil, ("'%s' is no address, and no prefix like 10.0.0.0/8"):format(given)
  end
  return {bytes = bytes, length = length}
end

local function parse_port(given)
  local port = tonumber(given)
  if not port or port < 0 or port > 65535 or port % 1 ~= 0 then
    return nil, ("'%s' is no port"):format(given)
  end
  return port
end

-- The conditions under which a packet is dropped, for addresses of so many bytes.
local function conditions(args, size, word)
  local list = {}
  for _, prefix in ipairs(args.deny) do
    if #prefix.bytes == size then
      list[#list + 1] = "(" .. prefix_test(prefix.bytes, prefix.length, word) .. ")"
    end
  end
  for _, port in ipairs(args.port) do
    list[#list + 1] = ("port == %d"):format(port)
  end
  return #list > 0 and table.concat(list, " or ") or "false"
end

-- The other end of a packet is its destination when it leaves and its source when it arrives.
local sides = {egress = {"d", "dest"}, ingress = {"s", "source"}}

-- Drops what is denied, and reports it; 1 lets a packet pass.
local function program(args, direction)
  local side, port = sides[direction][1], sides[direction][2]
  return ([[
    local ip, port, protocol = packet("struct iphdr", 0), -1, 0
    if not ip then return 1 end
    if ip.version == 4 then
      protocol = ip.protocol
      local ports = packet("struct udphdr", 20)
      if ports and ip.ihl == 5 and (protocol == 6 or protocol == 17) then
        port = ntohs(ports.PORT)
      end
      if FOUR then
        emit("row", {direction = "DIRECTION", protocol = protocol, port = port,
          address = ntop(ip.SIDEaddr)})
        return 0
      end
    elseif ip.version == 6 then
      local six, ports = packet("struct ipv6hdr", 0), packet("struct udphdr", 40)
      if not six then return 1 end
      protocol = six.nexthdr
      if ports and (protocol == 6 or protocol == 17) then port = ntohs(ports.PORT) end
      if SIX then
        emit("row", {direction = "DIRECTION", protocol = protocol, port = port,
          address = ntop(six.SIDEaddr)})
        return 0
      end
    end
    return 1 ]]):gsub("%u%u%u+", {
      PORT = port, SIDE = side, DIRECTION = direction,
      FOUR = conditions(args, 4, "ip." .. side .. "addr"),
      SIX = conditions(args, 16, "six." .. side .. "addr.in6_u.u6_addr32[%d]"),
    })
end

require "lbpf.tool" {
  name = "firewall",
  about = "Keeps the processes of a cgroup, and of those below it, from addresses and ports, and "
    .. "shows what was dropped, until it ends. --pid has no effect.",
  options = function(parser)
    parser:option("--deny", "An address or prefix: 10.0.0.0/8, ::1."):argname("<address>")
      :convert(parse_prefix):count("*")
    parser:option("--port", "A port of the other end, TCP or UDP."):convert(parse_port):count("*")
  end,
  columns = {
    {"time", 8}, {"direction", 9}, {"protocol", 8, show = names.protocol}, {"address", 24},
    {"port", -5},
  },
  programs = function(args)
    if not args.cgroup then
      error({message = "which cgroup? --cgroup"}, 0)
    end
    return {
      ["cgroup_skb/egress/" .. args.cgroup] = program(args, "egress"),
      ["cgroup_skb/ingress/" .. args.cgroup] = program(args, "ingress"),
    }
  end,
  rows = {
    row = function(row)
      row.port = row.port >= 0 and row.port or nil
      return row
    end,
  },
}
