-- A layout's text as BTF.
local parser = require "lbpf.layout.parser"
local source = require "lbpf.compiler.source"
local types = require "lbpf.layout.types"

--- @param text
-- @param base btf or nil
-- @return the types that it declares, and the last of them; or nil and what is wrong
return function(text, base)
  local known = types.new(base)
  local ok, last = pcall(parser.parse, source.new("layout", text), known)
  if not ok then
    return nil, source.message(last) or error(last, 0)
  elseif not last then
    return nil, "layout: it declares no type"
  end
  return known, last
end
