-- BTF: read, asked, printed, deduplicated, made codecs of.
local lbpf = require "lbpf.core"

return function(data)
  local types = lbpf.btf_new(data)
  if not types then
    return
  end
  for t in types:each_type() do
    types:resolve_size(t.id)
    types:resolve_type(t.id)
    types:align_of(t.id)
    pcall(function()
      local codec = types:codec(t.id)
      if codec:size() < 4096 then
        codec:encode(codec:decode(("\1"):rep(codec:size())))
      end
    end)
  end
  pcall(types.dump_c, types, function() end)
  pcall(types.dedup, types)
  types:close()
end
