--- BPF instructions as bytes, for programs that no compiler has seen.
local bytes = require "bytes"

local insns = {}

--- Any instruction.
function insns.insn(code, dst, src, off, imm)
  return string.char(code, src * 16 + dst) .. bytes.uint(off, 2) .. bytes.uint(imm, 4)
end

--- rDST = imm
function insns.mov(dst, imm)
  return insns.insn(0xb7, dst, 0, 0, imm)
end

--- rDST = rSRC
function insns.mov_reg(dst, src)
  return insns.insn(0xbf, dst, src, 0, 0)
end

--- rDST = the map behind a descriptor
function insns.ld_map(dst, fd)
  return insns.insn(0x18, dst, 1, 0, fd) .. insns.insn(0, 0, 0, 0, 0)
end

--- rDST = the map at an index of fd_array
function insns.ld_map_idx(dst, index)
  return insns.insn(0x18, dst, 5, 0, index) .. insns.insn(0, 0, 0, 0, 0)
end

--- rDST >>= imm
function insns.shift_right(dst, imm)
  return insns.insn(0x77, dst, 0, 0, imm)
end

function insns.call(helper)
  return insns.insn(0x85, 0, 0, 0, helper)
end

function insns.exit()
  return insns.insn(0x95, 0, 0, 0, 0)
end

--- A program that returns n.
function insns.returns(n)
  return insns.mov(0, n) .. insns.exit()
end

return insns
