-- Option `layout`, which C reads.
local read = require "lbpf.layout.read"

-- Other types that options name are copied from where the layout's own names come from.
local function add_named(known, name)
  if type(name) ~= "string" then
    return
  end
  local kind, tag = name:match "^(%l+) ([%w_]+)$"
  if kind == "struct" or kind == "union" or kind == "enum" then
    known:tagged(kind, tag)
  elseif name:match "^[%a_][%w_]*$" and not known.tags["struct " .. name] then
    local _ = known:named(name) or known:tagged("struct", name)
  end
end

--- @param text
-- @param base btf or nil
-- @param ... names that other options have
-- @return the BTF, and the number of the type that the layout means; or nil and what is wrong
return function(text, base, ...)
  local known, last = read(text, base)
  if not known then
    return nil, last
  end
  for i = 1, select("#", ...) do
    add_named(known, (select(i, ...)))
  end
  return known.btf, last.id
end
