--- The objects of tests/bpf that report with tests/bpf/event.h, and what they report.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"

local events = {}

-- A number, or 16 hex digits where some Lua's numbers are not exact.
local function u64(bytes)
  local low, high = 0, 0
  for i = 4, 1, -1 do
    low = low * 256 + bytes:byte(i)
    high = high * 256 + bytes:byte(4 + i)
  end
  if high < 0x100000 then
    return high * 0x100000000 + low
  end
  return ("%08x%08x"):format(high, low)
end

--- The 4 bytes of an unsigned integer, as a map's key or value.
function events.u32(n)
  local bytes = {}
  for i = 1, 4 do
    bytes[i] = string.char(n % 256)
    n = (n - n % 256) / 256
  end
  return table.concat(bytes)
end

--- Opens and loads an object, whose programs report what process PID does; nil: this one.
-- @param autoload names of programs that are loaded only when asked for
function events.load(name, pid, autoload)
  local object = assert(lbpf.open("build/bpf/" .. name .. ".bpf.o"))
  for prog in object:each_program() do
    if prog:section_name():find "^tp_btf" and not needs.met "btf" then
      prog:set_autoload(false)
    end
  end
  for _, prog in ipairs(autoload or {}) do
    object.progs[prog]:set_autoload(true)
  end
  object.vars.has_cookies = needs.met "cookies" and 1 or 0
  assert(object:load())
  assert(object.maps.target:update(0, pid or child.kernel_pid()))
  return object
end

--- What has been reported since the last call: a list of {cookie, value, pid, kind}.
function events.take(object)
  local list = {}
  local ring = assert(lbpf.ring_buffer(object.maps.events, function(bytes)
    list[#list + 1] = {
      cookie = u64(bytes:sub(1, 8)),
      value = u64(bytes:sub(9, 16)),
      pid = u64(bytes:sub(17, 20) .. ("\0"):rep(4)),
      kind = u64(bytes:sub(21, 24) .. ("\0"):rep(4)),
    }
  end))
  assert(ring:consume())
  ring:close()
  return list
end

--- The values of one field, in order.
function events.pluck(list, field)
  local values = {}
  for i, event in ipairs(list) do
    values[i] = event[field]
  end
  return values
end

return events
