-- Where the members of structures are, as C compilers place them for BPF.
local place = {}

local function round(n, to)
  return math.ceil(n / to) * to
end

-- The bit at which a bit field starts, when `bits` are taken.
local function bit_field(bits, m, is_packed)
  local unit, align = m.type.size * 8, is_packed and 1 or m.type.align * 8
  if m.bits == 0 then -- closes the unit
    return round(bits, math.max(m.type.align, m.aligned or 1) * 8)
  end
  if not is_packed and bits % align + m.bits > unit then
    bits = round(bits, align)
  end
  return m.aligned and round(bits, m.aligned * 8) or bits
end

--- Sets the `offset` of each member, in bits. A member has a `type` with `size` and `align` in
-- bytes, `bits` if it is a bit field, and what its attributes say: `packed`, `aligned`.
-- @param members
-- @param attributes of the structure
-- @param is_union
-- @return the size and the alignment in bytes
function place.members(members, attributes, is_union)
  local bits, most, align = 0, 0, attributes.aligned or 1
  for _, m in ipairs(members) do
    local is_packed = m.packed or attributes.packed
    local own = math.max(is_packed and 1 or m.type.align, m.aligned or 1)
    local start = is_union and 0 or bits
    m.offset = m.bits and bit_field(start, m, is_packed) or round(start, own * 8)
    bits = m.offset + (m.bits or m.type.size * 8)
    most = math.max(most, bits)
    if not m.bits or m.name then -- bit fields without a name align nothing
      align = math.max(align, own)
    end
  end
  return round(math.ceil(most / 8), align), align
end

return place
