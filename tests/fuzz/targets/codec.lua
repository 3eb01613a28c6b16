-- Bytes of many types: a table that is decoded and encoded again has the same bytes.
local lbpf = require "lbpf.core"

local codecs = {}
for _, name in ipairs {"typed_events", "layout", "written", "types"} do
  local types = assert(lbpf.btf_parse_elf("build/bpf/" .. name .. ".bpf.o"))
  for t in types:each_type() do
    local ok, codec = pcall(types.codec, types, t.id)
    if ok and codec and codec:size() > 0 then
      codecs[#codecs + 1] = codec
    end
  end
end

return function(data)
  if #data < 2 then
    return
  end
  local codec = codecs[(data:byte(1) * 256 + data:byte(2)) % #codecs + 1]
  local size = codec:size()
  local bytes = (data:sub(3) .. ("\0"):rep(size)):sub(1, size)
  local value = codec:decode(bytes)
  local ok, again = pcall(codec.encode, codec, value)
  if ok and type(value) == "table" and again ~= bytes then
    os.exit(77) -- libFuzzer keeps the input
  end
  pcall(codec.decode, codec, data:sub(3))
end
