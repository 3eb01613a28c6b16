--- Two network namespaces, this one and "peer", and a pair of interfaces between them: "near",
-- here, has the address 10.77.0.1, and "far" 10.77.0.2. A spec file says
-- `lazy_setup(network.up)` and `lazy_teardown(network.down)`.
local child = require "child"

local network = {}

--- What ip says. It leaks, which is no business of the sanitizer that this process may run with.
function network.ip(command)
  local text, status = child.output("unset LD_PRELOAD; ip " .. command)
  assert(status == 0, text)
  return text
end

local function is_up(command)
  return network.ip(command):find("state UP", 1, true) ~= nil
end

function network.up()
  for _, command in ipairs({
    "netns add peer",
    "link add near type veth peer name far netns peer",
    "addr add 10.77.0.1/24 dev near",
    "link set near up",
    "-n peer addr add 10.77.0.2/24 dev far",
    "-n peer link set far up",
  }) do
    network.ip(command)
  end
  repeat until is_up("link show near") and is_up("-n peer link show far")
end

function network.down()
  network.ip("link delete near")
  network.ip("netns delete peer")
end

--- Does a datagram from the peer to port 7001 arrive here? One to port 7002 must.
-- @param from the peer's namespace unless given; "" for this one, over loopback
function network.arrives(from)
  local text, status = child.output("build/helpers/datagrams " .. (from or "/run/netns/peer"))
  assert(status == 0, text)
  return text == "arrived\n"
end

return network
