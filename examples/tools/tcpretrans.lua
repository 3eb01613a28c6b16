-- TCP segments that are sent again, and packets that the kernel drops: tcpretrans.lua [-h]
local names = require "lbpf.names"
local text = require "lbpf.text"

-- IPv4 addresses are there as IPv6 addresses, too.
local again = [[
  emit("again", {laddr = buf(args.saddr_v6, 16), lport = args.sport,
    raddr = buf(args.daddr_v6, 16), rport = args.dport, state = %s}) ]]

-- Most packets without a reason are not losses. The transport header begins with the ports.
local drop = [[
  if args.reason > SKB_DROP_REASON_NOT_SPECIFIED then
    local skb = cast("struct sk_buff", args.skbaddr)
    local data = addr(skb.head)
    local ports = cast("struct tcphdr", kptr(data + skb.transport_header))
    if args.protocol == 0x0800 then
      local ip = cast("struct iphdr", kptr(data + skb.network_header))
      if ip.protocol == 6 then
        emit("drop", {laddr = buf(kptr(data + skb.network_header + 12), 4),
          lport = ntohs(ports.source), raddr = buf(kptr(data + skb.network_header + 16), 4),
          rport = ntohs(ports.dest), reason = args.reason, place = ksym(args.location)})
      end
    elseif args.protocol == 0x86dd then
      local ip = cast("struct ipv6hdr", kptr(data + skb.network_header))
      if ip.nexthdr == 6 then
        emit("drop", {laddr = buf(kptr(data + skb.network_header + 8), 16),
          lport = ntohs(ports.source), raddr = buf(kptr(data + skb.network_header + 24), 16),
          rport = ntohs(ports.dest), reason = args.reason, place = ksym(args.location)})
      end
    end
  end ]]

-- The kernel's names of reasons are in the tracepoint's format: { 6, "NO_SOCKET" }.
local reasons
local function reason_of(number)
  if not reasons then
    reasons = {}
    for _, root in ipairs({"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) do
      local file = io.open(root .. "/events/skb/kfree_skb/format")
      for n, name in (file and file:read("*a") or ""):gmatch('{ (%d+), "([%w_]+)" }') do
        reasons[tonumber(n)] = name
      end
    end
  end
  return reasons[number] or tostring(number)
end

local function addresses(row)
  row.laddr, row.raddr = text.address(row.laddr), text.address(row.raddr)
  return row
end

require "lbpf.tool" {
  name = "tcpretrans",
  about = "TCP segments that are sent again, and with --drops packets that the kernel drops.",
  options = function(parser)
    parser:flag("-d --drops", "TCP packets that the kernel drops, too, and why.")
  end,
  columns = {
    {"time", 8}, {"event", 10}, {"laddr", 16}, {"lport", -5}, {"raddr", 16}, {"rport", -5},
    {"why"},
  },
  -- The current process is not the one whose packet it is: --pid and --cgroup find those that send
  -- or receive just then.
  programs = function(args, only)
    return {
      ["tp/tcp/tcp_retransmit_skb"] = only .. again:format("args.state"),
      ["tp/tcp/tcp_retransmit_synack"] = only .. again:format("3"), -- SYN_RECV
      ["tp/skb/kfree_skb"] = args.drops and only .. drop or nil,
    }
  end,
  rows = {
    again = function(row)
      row.event, row.why = "retransmit", names.tcp_state(row.state)
      return addresses(row)
    end,
    drop = function(row)
      row.event, row.why = "drop", reason_of(row.reason) .. " " .. row.place
      return addresses(row)
    end,
  },
}
