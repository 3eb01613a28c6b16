--- BTF written by hand: what no compiler would write, and kinds that an older one does not.
local btf = {}
btf.__index = btf

local kinds = {
  "int", "ptr", "array", "struct", "union", "enum", "fwd", "typedef", "volatile", "const",
  "restrict", "func", "func_proto", "var", "datasec", "float", "decl_tag", "type_tag", "enum64",
}
local number = {}
for i, kind in ipairs(kinds) do
  number[kind] = i
end

--- A little-endian word; negative numbers as two's complement.
local function u32(n)
  local out = {}
  for i = 1, 4 do
    out[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return table.concat(out)
end

--- @param base ?table of this kind: ids and strings go on where it ends
function btf.new(base)
  return setmetatable({
    types = {}, strings = base and "" or "\0",
    first = base and base.first + #base.types or 1,
    offset = base and base.offset + #base.strings or 0,
  }, btf)
end

--- Adds a string; its offset.
function btf:string(text)
  if not text then
    return 0
  end
  self.strings = self.strings .. text .. "\0"
  return self.offset + #self.strings - #text - 1
end

--- Adds a type; its id.
-- @param kind "int", or a number
-- @param name ?string, or the number of an offset
-- @param value the word for size or type
-- @param words what follows: a list of numbers, and strings for offsets of names
-- @param vlen, kflag as in its info
function btf:add(kind, name, value, words, vlen, kflag)
  local list = {}
  for i, word in ipairs(words or {}) do
    list[i] = u32(type(word) == "string" and self:string(word) or word)
  end
  local info = (number[kind] or kind) * 2^24 + (vlen or 0) + (kflag and 2^31 or 0)
  local at = type(name) == "number" and name or self:string(name)
  table.insert(self.types, u32(at) .. u32(info) .. u32(value or 0) .. table.concat(list))
  return self.first + #self.types - 1
end

function btf:int(name, size, encoding)
  return self:add("int", name, size, {(encoding or 0) * 2^24 + size * 8})
end

--- @param members list of {name, type, offset in bits}
function btf:struct(name, size, members)
  local words = {}
  for _, member in ipairs(members) do
    table.insert(words, member[1] or 0)
    table.insert(words, member[2])
    table.insert(words, member[3])
  end
  return self:add("struct", name, size, words, #members)
end

function btf:bytes()
  local types = table.concat(self.types)
  return "\159\235\1\0" .. u32(24) .. u32(0) .. u32(#types) .. u32(#types) .. u32(#self.strings)
    .. types .. self.strings
end

--- The same with a description of kinds up to KIND: those have nothing after their first words.
function btf:bytes_with_layout(kind)
  local types = table.concat(self.types)
  local layout = u32(0):rep(kind + 1)
  return "\159\235\1\0" .. u32(32) .. u32(0) .. u32(#types) .. u32(#types + #layout)
    .. u32(#self.strings) .. u32(#types) .. u32(#layout) .. types .. layout .. self.strings
end

return btf
