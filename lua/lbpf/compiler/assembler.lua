-- Instructions as bytes, with their relocations and lines.
local int64 = require "lbpf.compiler.int64"

local assembler = {}

local CLASS = {alu = 0x04, alu64 = 0x07, jmp = 0x05, jmp32 = 0x06}
local REG = 0x08

local alu = {["+"] = 0x00, ["-"] = 0x10, ["*"] = 0x20, ["//"] = 0x30, ["|"] = 0x40, ["&"] = 0x50,
  ["<<"] = 0x60, [">>"] = 0x70, neg = 0x80, ["%"] = 0x90, ["~"] = 0xa0, mov = 0xb0, sar = 0xc0}
local jumps = {["=="] = 0x10, ["u>"] = 0x20, ["u>="] = 0x30, ["&"] = 0x40, ["~="] = 0x50,
  [">"] = 0x60,
  [">="] = 0x70, ["u<"] = 0xa0, ["u<="] = 0xb0, ["<"] = 0xc0, ["<="] = 0xd0}
local sizes = {[1] = 0x10, [2] = 0x08, [4] = 0x00, [8] = 0x18}

local FRAME = 10

local function instruction(op, d, s, off, imm)
  return string.char(op, s * 16 + d) .. int64.bytes(off, 2) .. int64.bytes(imm, 4)
end

-- The base register and the offset of a load or a store.
local function memory(ins)
  if type(ins.b) == "table" then
    return FRAME, ins.b.offset + ins.off
  end
  return ins.b, ins.off
end

local encode = {}

function encode.alu(ins)
  local op = alu[ins.code] + (ins.word and CLASS.alu or CLASS.alu64)
  if ins.s then
    return instruction(op + REG, ins.d, ins.s, 0, 0)
  end
  return instruction(op, ins.d, 0, 0, ins.imm or 0)
end

function encode.imm64(ins)
  local value = int64.bytes(ins.value)
  return string.char(0x18, ins.d, 0, 0) .. value:sub(1, 4) .. ("\0"):rep(4) .. value:sub(5)
end

function encode.map(ins)
  return instruction(0x18, ins.d, 0, 0, 0) .. ("\0"):rep(8)
end

encode.func = encode.map -- its relocation tells them apart

function encode.frame(ins)
  return instruction(0xbf, ins.d, FRAME, 0, 0) .. instruction(0x07, ins.d, 0, 0,
    ins.slot.offset + ins.off)
end

function encode.load(ins)
  local base, off = memory(ins)
  return instruction(0x61 + sizes[ins.size], ins.d, base, off, 0)
end

function encode.store(ins)
  local base, off = memory(ins)
  if ins.s then
    return instruction(0x63 + sizes[ins.size], base, ins.s, off, 0)
  end
  return instruction(0x62 + sizes[ins.size], base, 0, off, ins.imm)
end

function encode.swap(ins)
  return instruction(0xdc, ins.d, 0, 0, ins.width)
end

function encode.branch(ins, off)
  local op = jumps[ins.code] + (ins.word and CLASS.jmp32 or CLASS.jmp)
  if ins.s then
    return instruction(op + REG, ins.a, ins.s, off, 0)
  end
  return instruction(op, ins.a, 0, off, ins.imm)
end

function encode.jump(_, off)
  return instruction(0x05, 0, 0, off, 0)
end

function encode.may_goto(_, off)
  return instruction(0xe5, 0, 0, off, 0)
end

-- A kfunc's number is the loader's to find, by the relocation.
function encode.call(ins)
  if type(ins.helper) == "table" then
    return instruction(0x85, 0, 1, 0, -1)
  end
  return instruction(0x85, 0, 0, 0, ins.helper)
end

function encode.exit()
  return instruction(0x95, 0, 0, 0, 0)
end

local lengths = {imm64 = 2, map = 2, func = 2, frame = 2, label = 0}

-- The position of each label, in instructions; and the number of all.
local function place(list)
  local at, labels = 0, {}
  for _, ins in ipairs(list) do
    if ins.op == "label" then
      labels[ins.label] = at
    end
    at = at + (lengths[ins.op] or 1)
  end
  return labels, at
end

local FARTHEST = 32767

--- @param list instructions with the machine's registers
-- @return a table: `bytes`; `maps`, `funcs`, `core`, `calls`: lists of {offset, map}, {offset,
-- func}, {offset, reloc} and {offset, kfunc}; `lines`: a list of {offset, node}; `count`. nil if
-- the program is too long
function assembler.assemble(list)
  local labels, length = place(list)
  if length > FARTHEST then
    return nil, length
  end
  local out, at = {}, 0
  local result = {maps = {}, funcs = {}, core = {}, calls = {}, lines = {}, count = length}
  local last
  for _, ins in ipairs(list) do
    if ins.op ~= "label" then
      if ins.node and ins.node ~= last then
        table.insert(result.lines, {offset = at * 8, node = ins.node})
        last = ins.node
      end
      if ins.op == "map" then
        table.insert(result.maps, {offset = at * 8, map = ins.map})
      end
      if ins.func then
        table.insert(result.funcs, {offset = at * 8, func = ins.func})
      end
      if type(ins.helper) == "table" then
        table.insert(result.calls, {offset = at * 8, kfunc = ins.helper})
      end
      if ins.reloc then
        table.insert(result.core, {offset = at * 8, reloc = ins.reloc})
      end
      local off = ins.label and labels[ins.label] - at - 1
      out[#out + 1] = encode[ins.op](ins, off)
      at = at + (lengths[ins.op] or 1)
    end
  end
  result.bytes = table.concat(out)
  return result
end

return assembler
