-- TCP connections when they end: whose, how long, how many bytes: tcplife.lua [-h]
local text = require "lbpf.text"

-- States: 2 SYN_SENT, below 4 the connection begins, 7 CLOSE, 9 LAST_ACK. Those of SYN_SENT and
-- LAST_ACK are set in the process that owns the connection. IPv4 addresses are there as IPv6
-- addresses, too.
local state = [[
  if args.protocol ~= 6 then return end
  local sock = args.skaddr
  if args.newstate < 4 then
    began[sock] = nsecs
  elseif args.newstate == 7 then
    local since, by = began[sock], owner[sock]
    if since and (by or %s) then
      local tcp = cast("struct tcp_sock", sock)
      emit("row", {pid = by or pid, comm = name[sock] or comm, laddr = buf(args.saddr_v6, 16),
        lport = args.sport, raddr = buf(args.daddr_v6, 16), rport = args.dport,
        tx = tcp.bytes_acked, rx = tcp.bytes_received, ns = nsecs - since})
    end
    began[sock] = nil
    owner[sock] = nil
    name[sock] = nil
  end
  if args.newstate == 2 or args.newstate == 9 then
    %s
    owner[sock] = pid
    name[sock] = comm
  end ]]

require "lbpf.tool" {
  name = "tcplife",
  about = "TCP connections when they end: whose, how long, how many bytes.",
  columns = {
    {"time", 8}, {"pid", -7}, {"comm", 16}, {"laddr", 16}, {"lport", -5}, {"raddr", 16},
    {"rport", -5}, {"tx", -9, show = text.bytes}, {"rx", -9, show = text.bytes},
    {"ns", -9, title = "DURATION", show = text.duration},
  },
  compile = {max_entries = 16384},
  programs = function(_, only)
    return {["tp/sock/inet_sock_set_state"] = state:format(only == "" and "true" or "false", only)}
  end,
  rows = {
    row = function(row)
      row.laddr, row.raddr = text.address(row.laddr), text.address(row.raddr)
      return row
    end,
  },
}
