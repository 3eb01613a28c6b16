-- TCP connections that processes here begin: tcpconnect.lua [-h]
local text = require "lbpf.text"

-- SYN_SENT is set by connect(2): the current process is the one that connects. IPv4 addresses are
-- there as IPv6 addresses, too.
local begin = [[
  if args.protocol == 6 and args.newstate == 2 then
    emit("row", {pid = pid, comm = comm, source = buf(args.saddr_v6, 16),
      destination = buf(args.daddr_v6, 16), port = args.dport})
  end ]]

require "lbpf.tool" {
  name = "tcpconnect",
  about = "TCP connections that processes here begin.",
  columns = {
    {"time", 8}, {"pid", -7}, {"comm", 16}, {"source", 16}, {"destination", 16}, {"port", -5},
  },
  programs = {["tp/sock/inet_sock_set_state"] = begin},
  rows = {
    row = function(row)
      row.source, row.destination = text.address(row.source), text.address(row.destination)
      return row
    end,
  },
}
