-- Values of many types, parts of which are replaced as the input says: encoded, or refused.
local lbpf = require "lbpf.core"

local codecs = {}
for _, name in ipairs {"typed_events", "layout", "written", "types"} do
  local types = assert(lbpf.btf_parse_elf("build/bpf/" .. name .. ".bpf.o"))
  for t in types:each_type() do
    local ok, codec = pcall(types.codec, types, t.id)
    if ok and codec and codec:size() > 0 and codec:size() <= 4096 then
      codecs[#codecs + 1] = codec
    end
  end
end

return function(data)
  local at = 3

  local function take()
    at = at + 1
    return data:byte(at - 1) or 0
  end

  local function bytes(n)
    at = at + n
    return data:sub(at - n, at - 1)
  end

  local makers = {
    function() return take() end,
    function() return -take() end,
    function() return (string.unpack("d", bytes(8) .. ("\0"):rep(8))) end,
    function() return (string.unpack("j", bytes(8) .. ("\0"):rep(8))) end,
    function() return bytes(take() % 64) end,
    function() return take() % 2 == 0 end,
    function() return {take(), bytes(4), x = take()} end,
    function() return setmetatable({}, {__index = take, __len = take}) end,
    function() return take end,
  }

  -- In the order of the keys, so that an input always does the same.
  local function damage(value)
    if at > #data then
      return value
    elseif take() % 3 == 0 then
      return makers[take() % #makers + 1]()
    elseif type(value) ~= "table" then
      return value
    end
    local keys = {}
    for key in pairs(value) do
      keys[#keys + 1] = key
    end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    for i = 1, math.min(#keys, 64) do
      value[keys[i]] = damage(value[keys[i]])
    end
    if take() % 8 == 0 then
      value[makers[take() % 5 + 1]()] = makers[take() % #makers + 1]()
    end
    return value
  end

  if #data < 2 then
    return
  end
  local codec = codecs[(data:byte(1) * 256 + data:byte(2)) % #codecs + 1]
  local size = codec:size()
  local encoded = codec:encode(damage(codec:decode(("\1"):rep(size))))
  if #encoded < size then
    os.exit(77) -- libFuzzer keeps the input
  end
  codec:decode(encoded)
end
