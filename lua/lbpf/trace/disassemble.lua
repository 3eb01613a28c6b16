-- BPF instructions as text, in the notation of the kernel's log.
local floor = math.floor

local alu = {
  [0] = "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", [9] = "%=", [10] = "^=", [11] = "=",
  [12] = "s>>=",
}
local jumps = {
  "==", ">", ">=", "&", "!=", "s>", "s>=", [10] = "<", [11] = "<=", [12] = "s<", [13] = "s<=",
}
local sizes = {[0] = "u32", "u16", "u8", "u64"}
local atomics = {[0x00] = "+=", [0x40] = "|=", [0x50] = "&=", [0xa0] = "^="}

local function signed(n, bits)
  return n >= 2 ^ (bits - 1) and n - 2 ^ bits or n
end

local function uint(bytes, at, size)
  local n = 0
  for i = at + size - 1, at, -1 do
    n = n * 256 + bytes:byte(i)
  end
  return n
end

local function register(n, is_32)
  return (is_32 and "w" or "r") .. n
end

local function memory(size, base, off)
  return ("*(%s *)(r%d %s %d)"):format(size, base, off < 0 and "-" or "+", math.abs(off))
end

-- The parts of an instruction: `code`, and its bits `class`, `op`, `by_register`.
local function decode(bytes, at)
  local code, regs = bytes:byte(at, at + 1)
  return {
    code = code, class = code % 8, op = floor(code / 16), by_register = floor(code / 8) % 2 == 1,
    size = sizes[floor(code / 8) % 4], mode = floor(code / 32), dst = regs % 16,
    src = floor(regs / 16), off = signed(uint(bytes, at + 2, 2), 16),
    imm = signed(uint(bytes, at + 4, 4), 32),
  }
end

local function arithmetic(i)
  local is_32 = i.class == 4
  local dst = register(i.dst, is_32)
  local operand = i.by_register and register(i.src, is_32) or ("%d"):format(i.imm)
  if i.op == 8 then
    return ("%s = -%s"):format(dst, dst)
  elseif i.op == 13 then
    local order = is_32 and (i.by_register and "be" or "le") or "bswap"
    return ("r%d = %s%d r%d"):format(i.dst, order, i.imm, i.dst)
  end
  local op = alu[i.op]
  if i.off == 1 and (op == "/=" or op == "%=") then
    op = "s" .. op
  elseif op == "=" and i.off ~= 0 then
    operand = ("(s%d)%s"):format(i.off, operand)
  end
  return ("%s %s %s"):format(dst, op or "?", operand)
end

local function jump(i, number, names)
  local is_32 = i.class == 6
  if i.op == 8 and i.src == 0 and names[i.imm] then
    return "call " .. names[i.imm]
  elseif i.op == 8 then
    local what = ({[0] = "call helper %d", "call function at %d", "call kernel function %d"})[i.src]
    return what:format(i.src == 1 and number + 1 + i.imm or i.imm)
  elseif i.op == 9 then
    return "exit"
  elseif i.op == 0 then
    return ("goto %d"):format(number + 1 + (is_32 and i.imm or i.off))
  elseif i.op == 14 then
    return ("may_goto %d"):format(number + 1 + i.off)
  end
  return ("if %s %s %s goto %d"):format(register(i.dst, is_32), jumps[i.op] or "?",
    i.by_register and register(i.src, is_32) or ("%d"):format(i.imm), number + 1 + i.off)
end

local function load_or_store(i)
  if i.class == 1 then
    local size = i.mode == 4 and i.size:gsub("u", "s") or i.size
    return ("r%d = %s"):format(i.dst, memory(size, i.src, i.off))
  elseif i.class == 2 then
    return ("%s = %d"):format(memory(i.size, i.dst, i.off), i.imm)
  elseif i.mode == 6 then
    return ("lock %s %s r%d"):format(memory(i.size, i.dst, i.off), atomics[i.imm] or "?", i.src)
  end
  return ("%s = r%d"):format(memory(i.size, i.dst, i.off), i.src)
end

-- An instruction of 16 bytes: a constant, or what the loader puts in its place.
local function wide(i, high)
  if i.src == 0 then
    return ("r%d = 0x%08x%08x ll"):format(i.dst, high % 2 ^ 32, i.imm % 2 ^ 32)
  end
  local kinds = {"map with fd %d", "value of map with fd %d", "variable %d", "function at %d"}
  local what = kinds[i.src]
  return ("r%d = " .. (what or "? %d")):format(i.dst, i.imm)
end

local function write(i, number, bytes, at, names)
  if i.code == 0x18 then
    return wide(i, uint(bytes, at + 12, 4))
  elseif i.class == 4 or i.class == 7 then
    return arithmetic(i)
  elseif i.class == 5 or i.class == 6 then
    return jump(i, number, names)
  end
  return load_or_store(i)
end

--- The instructions in BYTES: a list of lines, each with its number.
-- @param bytes
-- @param names ?helpers' names by number
return function(bytes, names)
  local lines, at = {}, 1
  while at <= #bytes do
    local i, number = decode(bytes, at), (at - 1) / 8
    lines[#lines + 1] = ("%4d: %s"):format(number, write(i, number, bytes, at, names or {}))
    at = at + (i.code == 0x18 and 16 or 8)
  end
  return lines
end
