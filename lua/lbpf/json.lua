-- JSON, by whichever library there is.

local json = {}

--- The encoder; or nil, and which libraries are known.
function json.encoder()
  for _, name in ipairs {"cjson", "dkjson"} do
    local found, module = pcall(require, name)
    if found then
      if name == "cjson" then
        module = module.new()
        module.encode_number_precision(16) -- exact up to 2^53
      end
      return module.encode
    end
  end
  return nil, "JSON needs lua-cjson or lua-dkjson"
end

--- What an encoder takes of a value: LuaJIT's integers of 64 bits are none of its numbers.
function json.portable(value)
  return type(value) == "cdata" and tonumber(value) or value
end

return json
