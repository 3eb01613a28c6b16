--- Little-endian ELF files of 64 bits, as strings: where things are, and changing them.
local elf = {}

--- The integer of SIZE bytes at OFFSET, which counts from 0.
function elf.uint(bytes, offset, size)
  local n = 0
  for i = size, 1, -1 do
    n = n * 256 + (bytes:byte(offset + i) or 0)
  end
  return n
end

--- The bytes with others in place from OFFSET on.
function elf.patch(bytes, offset, new)
  return bytes:sub(1, offset) .. new .. bytes:sub(offset + #new + 1)
end

function elf.read(path)
  local f = assert(io.open(path, "rb"))
  local bytes = f:read("*a")
  f:close()
  return bytes
end

--- The sections: a list of {name, header, offset, size}.
function elf.sections(bytes)
  local start, entry = elf.uint(bytes, 0x28, 8), elf.uint(bytes, 0x3a, 2)
  local list = {}
  for i = 0, elf.uint(bytes, 0x3c, 2) - 1 do
    local header = start + i * entry
    list[i + 1] = {
      header = header,
      name_offset = elf.uint(bytes, header, 4),
      offset = elf.uint(bytes, header + 0x18, 8),
      size = elf.uint(bytes, header + 0x20, 8),
    }
  end
  local names = list[elf.uint(bytes, 0x3e, 2) + 1]
  for _, section in ipairs(list) do
    section.name = bytes:match("^[^%z]*", names.offset + section.name_offset + 1)
  end
  return list
end

function elf.section(bytes, name)
  for _, section in ipairs(elf.sections(bytes)) do
    if section.name == name then
      return section
    end
  end
end

return elf
