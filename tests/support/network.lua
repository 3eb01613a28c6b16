--- Two network namespaces, this one and "peer", and a pair of interfaces between them: "near",
-- here, has the address 10.77.0.1, and "far" 10.77.0.2. A spec file says `setup(network.up)` and
-- `teardown(network.down)`.
local child = require "child"

local network = {}

local function is_up(command)
  local text = child.output(command)
  return text:find("state UP", 1, true) ~= nil
end

function network.up()
  assert(child.succeeds([[
    ip netns add peer &&
    ip link add near type veth peer name far netns peer &&
    ip addr add 10.77.0.1/24 dev near && ip link set near up &&
    ip -n peer addr add 10.77.0.2/24 dev far && ip -n peer link set far up]]))
  repeat until is_up("ip link show near") and is_up("ip -n peer link show far")
end

function network.down()
  assert(child.succeeds("ip link delete near && ip netns delete peer"))
end

--- Does a datagram from the peer to port 7001 arrive here? One to port 7002 must.
-- @param from the peer's namespace unless given; "" for this one, over loopback
function network.arrives(from)
  local text, status = child.output("build/helpers/datagrams " .. (from or "/run/netns/peer"))
  assert(status == 0, text)
  return text == "arrived\n"
end

return network
