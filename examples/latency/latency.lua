--- Where the time of a request goes: waiting until nginx reads it, in nginx, in the network.

local bpf = require "resty.lbpf"
local lbpf = require "lbpf"

local latency = {}

local PARTS = {"queue", "nginx", "network"}
local V4 = ("\0"):rep(10) .. "\255\255"

--- In init_by_lua. `object`: the compiled latency.bpf.c; `port`: on which nginx listens; `cgroup`:
-- that nginx is in, or one above.
function latency.init(opts)
  latency.object = assert(bpf.load(opts.object, {
    pin = "/sys/fs/bpf/latency",
    setup = function(object) object.vars.port = opts.port end,
    attach = {{"arrives", "attach_cgroup", opts.cgroup}, {"leaves", "attach_cgroup", opts.cgroup}},
  }))
end

--- In rewrite_by_lua: nginx has read the request.
function latency.read()
  ngx.ctx.read = lbpf.monotonic()
end

local function count(part, seconds)
  local slot = seconds > 1e-9 and math.floor(math.log(seconds * 1e9) / math.log(2)) or 0
  ngx.shared.latency:incr(part .. slot, 1, 0)
end

--- In log_by_lua: the response has been sent. What the network takes, the kernel counts.
function latency.log()
  local address = ngx.var.binary_remote_addr
  local flow = latency.object.maps.flows:lookup({
    address = #address == 4 and V4 .. address or address, port = tonumber(ngx.var.remote_port)})
  local read = ngx.ctx.read
  if flow and read and tonumber(flow.response) > 0 then
    count("queue", read - tonumber(flow.request) / 1e9)
    count("nginx", tonumber(flow.response) / 1e9 - read)
  end
end

local function slots_of(part)
  local slots = {}
  local values = part == "network" and latency.object.maps.network:lookup(0)
  for slot = 0, 39 do
    slots[slot] = not values and ngx.shared.latency:get(part .. slot) or 0
    for cpu = 1, values and #values or 0 do
      slots[slot] = slots[slot] + tonumber(values[cpu].slots[slot + 1])
    end
  end
  return slots
end

local function duration(nanoseconds)
  for _, unit in ipairs({{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}}) do
    if nanoseconds >= unit[1] then
      return ("%.0f %s"):format(nanoseconds / unit[1], unit[2])
    end
  end
  return nanoseconds .. " ns"
end

local function histogram(part)
  local slots, all, most, first, last = slots_of(part), 0, 0, nil, nil
  for slot = 0, 39 do
    local n = slots[slot]
    all, most = all + n, math.max(most, n)
    if n > 0 then
      first, last = first or slot, slot
    end
  end
  ngx.say("<h2>", part, "</h2><p>", all, " requests</p><table>")
  for slot = first or 0, last or -1 do
    ngx.say(("<tr><th>%s<td><i style='width:%.1f%%'></i><td>%d</tr>"):format(duration(2 ^ slot),
      slots[slot] / most * 100, slots[slot]))
  end
  ngx.say("</table>")
end

local HEAD = [[
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>Request latency</title>
<style>
body { font: 16px/1.4 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em }
table { width: 100%; border-spacing: 0 1px }
th { width: 5em; text-align: right; padding-right: .6em; font-weight: normal }
td:last-child { width: 5em; text-align: right }
i { display: block; height: 1em; background: #4a7ebb }
</style>
<h1>Request latency</h1>
<p>queue: from the request's arrival in the kernel until nginx has read it; nginx: until the
response leaves; network: until the client has acknowledged it.</p>
]]

--- A page with the three histograms.
function latency.page()
  ngx.header.content_type = "text/html; charset=utf-8"
  ngx.say(HEAD)
  for _, part in ipairs(PARTS) do
    histogram(part)
  end
end

return latency
