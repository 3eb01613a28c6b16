--- Bans addresses: an XDP program drops their packets in the network driver.

local bpf = require "resty.lbpf"
local lbpf = require "lbpf"

local waf = {}

local PIN = "/sys/fs/bpf/waf"

-- The interface of the default route.
local function default_interface()
  for line in io.lines("/proc/net/route") do
    local interface, destination = line:match("^(%S+)%s+(%x+)")
    if destination == "00000000" then
      return interface
    end
  end
  return "lo"
end

--- In init_by_lua. `interface`; `limit`: so many requests in a second are too many; `seconds` of a
-- ban; `traps`: patterns of paths that only attackers request; `trusted`: addresses that are
-- never banned; `object`: the compiled waf.bpf.c.
function waf.init(opts)
  waf.opts = opts
  waf.interface = opts.interface or default_interface()
  waf.object = assert(bpf.load(opts.object, {
    pin = PIN, attach = {{"filter", "attach_xdp", waf.interface}},
  }))
  waf.banned = waf.object.maps.banned:view({numbers = true})
  waf.packets = waf.object.maps.packets:view({numbers = true})
end

local V4 = ("\0"):rep(10) .. "\255\255"

local function key_of(binary)
  return #binary == 4 and V4 .. binary or binary
end

local function text_of(key)
  local bytes = key.bytes
  if string.char(unpack(bytes, 1, 12)) == V4 then
    return table.concat(bytes, ".", 13, 16)
  end
  local groups = {}
  for i = 1, 16, 2 do
    groups[#groups + 1] = ("%x"):format(bytes[i] * 256 + bytes[i + 1])
  end
  return table.concat(groups, ":")
end

local function is_trusted(address)
  for _, trusted in ipairs(waf.opts.trusted) do
    if trusted == address then
      return true
    end
  end
  return false
end

local function is_trap(uri)
  for _, pattern in ipairs(waf.opts.traps) do
    if uri:find(pattern) then
      return true
    end
  end
  return false
end

local function is_too_fast(address)
  local n = ngx.shared.waf:incr(address, 1, 0, 1)
  return n and n > waf.opts.limit
end

--- Bans the address of this request. In any phase of a request.
function waf.ban()
  local expires = math.floor(lbpf.monotonic()) + waf.opts.seconds
  assert(waf.banned:update(key_of(ngx.var.binary_remote_addr), {expires = expires, dropped = 0}))
end

--- In access_by_lua: bans clients that exceed the limit or request a trap, and
-- closes the connection.
function waf.access()
  local address = ngx.var.remote_addr
  if is_trusted(address) or not (is_trap(ngx.var.uri) or is_too_fast(address)) then
    return
  end
  waf.ban()
  ngx.log(ngx.WARN, "banned for ", waf.opts.seconds, " s: ", address)
  return ngx.exit(444)
end

--- Unbans an address, given as text, as the status page shows it.
function waf.unban(address)
  for key in waf.banned:pairs() do
    if text_of(key) == address then
      ngx.shared.waf:delete(address) -- forget its requests of this second
      return waf.banned:delete(key)
    end
  end
  return false
end

local function bans()
  local now, list = lbpf.monotonic(), {}
  for key, ban in waf.banned:pairs() do
    local left = math.ceil(ban.expires - now)
    if left > 0 then
      list[#list + 1] = {address = text_of(key), left = left, dropped = ban.dropped}
    end
  end
  table.sort(list, function(a, b) return a.dropped > b.dropped end)
  return list
end

local HEAD = [[
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>Banned addresses</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; width: 100% }
th, td { text-align: right; padding: .3em .6em; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
p { color: #555 }
</style>
]]

--- A page that lists the bans.
function waf.status()
  ngx.header.content_type = "text/html; charset=utf-8"
  local list = bans()
  ngx.say(HEAD)
  ngx.say("<h1>", #list, #list == 1 and " address" or " addresses", " banned</h1>")
  ngx.say(("<p>Interface %s: %d packets passed, %d dropped.</p>"):format(waf.interface,
    waf.packets:lookup(0):sum(), waf.packets:lookup(1):sum()))
  ngx.say("<table><tr><th>Address<th>Packets dropped<th>Seconds left<th></tr>")
  for _, ban in ipairs(list) do
    ngx.say(([[<tr><td>%s<td>%d<td>%d<td><form method="post" action="/waf/unban?%s"><button>Unban]]
      .. "</button></form></tr>"):format(ban.address, ban.dropped, ban.left, ban.address))
  end
  ngx.say("</table>")
end

return waf
