-- Generated instructions: with virtual registers, labels and stack slots.
--
-- Registers 0 to 10 are the machine's. Others are virtual; registers.lua allocates them. An operand
-- is a register or {imm = n}, n of 32 bits signed. The instructions:
--
--   alu {code, d, s or imm, word}   d = d code s; "mov", "neg", "sar" and Lua's operators; word:
-- 32 bits
--   imm64 {d, value}  map {d, map}  frame {d, slot, off}: the address of a slot
--   load {d, b, off, size, reloc}   b: a register or a slot
--   store {b, off, size, s or imm}
--   swap {d, width}                 to the other byte order
--   branch {code, a, s or imm, label, word}  jump {label}  may_goto {label}  label {label}
--   call {helper, n}  exit          helper: a number, or a function as kfuncs.lua has it
--   func {d, func}                  the address of a function as outline.lua has it
--   round {label}                   another round of bpf_loop(), or all are used: label
--   forget {s, from, to}            what is not needed becomes s: registers, and slots from..to
--
-- Each has `fn`, the function that it will be in: of a loop, or `code.main`.
local int64 = require "lbpf.compiler.int64"

local code = {}
code.__index = code

local FIRST = 16

function code.new()
  local main = {}
  return setmetatable({list = {}, registers = FIRST, labels = 0, depth = 0, top = 0, most = 0,
    peak = 0, main = main, fn = main, kinds = {}}, code) -- kinds: the types of variables' registers
end

function code:reg()
  self.registers = self.registers + 1
  return self.registers
end

function code:emit(op, fields)
  fields.op, fields.node, fields.depth, fields.fn = op, self.node, self.depth, self.fn
  self.list[#self.list + 1] = fields
  return fields
end

--- The code that F generates is placed at the end of the program, because it rarely runs.
-- @param f
-- @param fn ?the function that it belongs to; else the current one
function code:cold(f, fn)
  local list, here = self.list, self.fn
  self.rare = self.rare or {}
  self.list, self.fn = {}, fn or here
  f()
  self.rare[#self.rare + 1] = self.list
  self.list, self.fn = list, here
end

-- Places the slots that nothing else uses, below all others.
local function place_lasting(self)
  for _, slot in ipairs(self.lasting or {}) do
    self.most = self.most + math.floor((slot.size + 7) / 8) * 8
    slot.offset = -self.most
  end
end

--- All instructions. Cold code may add more cold code.
function code:finish()
  local i = 1
  while self.rare and self.rare[i] do
    for _, ins in ipairs(self.rare[i]) do
      self.list[#self.list + 1] = ins
    end
    i = i + 1
  end
  self.rare = nil
  place_lasting(self)
  return self.list
end

-- Stack -----------------------------------------------------------------------------------------

--- A slot of the stack, until the end of the scope.
function code:slot(size)
  self.top = self.top + math.floor((size + 7) / 8) * 8
  self.most, self.peak = math.max(self.most, self.top), math.max(self.peak, self.top)
  return {offset = -self.top}
end

--- Calls F. Returns the stack's size at the most in it.
function code:peak_of(f)
  local peak = self.peak
  self.peak = self.top
  f()
  local inside = self.peak
  self.peak = math.max(peak, inside)
  return inside
end

--- A slot that nothing else uses.
function code:lasting_slot(size)
  self.lasting = self.lasting or {}
  local slot = {size = size}
  table.insert(self.lasting, slot)
  return slot
end

function code:scoped(f)
  local top = self.top
  f()
  self.top = top
end

-- Instructions ----------------------------------------------------------------------------------

local function with(fields, operand)
  if type(operand) == "table" then
    fields.imm = operand.imm
  else
    fields.s = operand
  end
  return fields
end

function code:mov(d, operand)
  if type(operand) == "table" and operand.imm == nil then
    self:address(d, operand)
  elseif d ~= operand then
    self:emit("alu", with({code = "mov", d = d}, operand))
  end
  return d
end

--- An address: {slot, off} or {map}.
function code:address(d, operand)
  if operand.map then
    self:emit("map", {d = d, map = operand.map})
  else
    self:emit("frame", {d = d, slot = operand.slot, off = operand.off or 0})
  end
end

--- Makes a number of what the verifier may know to be a pointer.
function code:as_number(d)
  for _ = 1, 2 do -- back and forth
    self:emit("swap", {d = d, width = 64})
  end
  return d
end

--- d = d OP operand
function code:change(op, d, operand)
  self:emit("alu", with({code = op, d = d}, operand))
  return d
end

--- A new register with A OP B.
function code:alu(op, a, b)
  return self:change(op, self:mov(self:reg(), a), b)
end

--- A new register with the lower half of A.
function code:low(a)
  local d = self:reg()
  self:emit("alu", {code = "mov", d = d, s = a, word = true})
  return d
end

--- The operand in a register.
function code:in_reg(operand)
  return type(operand) == "table" and self:mov(self:reg(), operand) or operand
end

function code:imm64(value)
  local d = self:reg()
  self:emit("imm64", {d = d, value = value})
  return d
end

--- A new register with a constant that the loader may change.
function code:relocated(value, reloc)
  local d
  if int64.small(value) then
    d = self:mov(self:reg(), {imm = value})
  else
    d = self:imm64(value)
  end
  self.list[#self.list].reloc = reloc
  return d
end

function code:load(b, off, size, reloc)
  local d = self:reg()
  self:emit("load", {d = d, b = b, off = off, size = size, reloc = reloc})
  return d
end

--- Sign-extends the bytes in a register, if they are signed.
function code:extend(d, size, signed)
  if signed and size < 8 then
    self:change("<<", d, {imm = 64 - size * 8})
    self:change("sar", d, {imm = 64 - size * 8})
  end
  return d
end

function code:store(b, off, size, operand)
  self:emit("store", with({b = b, off = off, size = size}, operand))
end

function code:label()
  self.labels = self.labels + 1
  return self.labels
end

function code:place(label)
  self:emit("label", {label = label})
end

function code:jump(label)
  self:emit("jump", {label = label})
end

--- Jumps if A CODE operand: Lua's comparisons, of signed numbers; "u<" and so on; "&": a bit of
-- both.
function code:branch(op, a, operand, label)
  self:emit("branch", with({code = op, a = a, label = label}, operand))
end

--- A new register with what a helper returns. Arguments are operands and addresses.
function code:call(helper, ...)
  local n = select("#", ...)
  for i = 1, n do
    self:mov(i, (select(i, ...)))
  end
  self:emit("call", {helper = helper, n = n})
  return self:mov(self:reg(), 0)
end

function code:exit(operand)
  self:mov(0, operand)
  self:emit("exit", {})
end

-- What instructions read and write ----------------------------------------------------------------

--- Calls F with each register that is read: f(register, field).
function code.each_use(ins, f)
  local op = ins.op
  if op == "alu" then
    if ins.code ~= "mov" then
      f(ins.d, "d")
    end
    if ins.s then
      f(ins.s, "s")
    end
  elseif op == "load" or op == "store" then
    if type(ins.b) == "number" then
      f(ins.b, "b")
    end
    if ins.s then
      f(ins.s, "s")
    end
  elseif op == "branch" then
    f(ins.a, "a")
    if ins.s then
      f(ins.s, "s")
    end
  elseif op == "swap" then
    f(ins.d, "d")
  elseif op == "forget" then
    f(ins.s, "s")
  elseif op == "call" then
    for i = 1, ins.n do
      f(i)
    end
  elseif op == "exit" then
    f(0)
  end
end

local writers = {alu = true, imm64 = true, map = true, frame = true, load = true, swap = true,
  func = true}

--- The register that is written, if there is one. A call writes 0 to 5.
function code.written(ins)
  return writers[ins.op] and ins.d or nil
end

--- Whether the instruction only writes its register.
function code.is_pure(ins)
  return writers[ins.op] or false
end

code.opposite = {["=="] = "~=", ["~="] = "==", ["<"] = ">=", [">="] = "<", ["<="] = ">",
  [">"] = "<=",
  ["u<"] = "u>=", ["u>="] = "u<", ["u<="] = "u>", ["u>"] = "u<="}

return code
