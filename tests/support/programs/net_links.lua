-- What link_fd_spec runs in a network namespace of its own.
local lbpf = require "lbpf"
local insns = require "insns"
local fds = require "fds"
local function load(kind)
  return assert(lbpf.prog_load(kind, nil, "GPL", insns.returns(2)))
end
local GENERIC, LOOPBACK = 2, 1
local xdp = assert(lbpf.link_create(load("xdp"), LOOPBACK, "xdp", {flags = GENERIC}))
local info = lbpf.link_get_info_by_fd(xdp)
print(info.type, info.xdp.ifindex)

local file, netns = fds.open("/proc/self/ns/net")
local prog = load("flow_dissector")
local dissector = assert(lbpf.link_create(prog, netns, "flow_dissector"))
info = lbpf.link_get_info_by_fd(dissector)
print(info.type, info.netns.attach_type)
local inode = io.popen("readlink /proc/self/ns/net"):read("*l"):match("%d+")
print(inode == tostring(info.netns.netns_ino))
local ids = lbpf.prog_query(netns, "flow_dissector").prog_ids
print(#ids == 1 and ids[1] == lbpf.prog_get_info_by_fd(prog).id)
file:close()
