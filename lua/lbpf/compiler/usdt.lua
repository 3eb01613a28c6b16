-- Arguments of USDT probes. Where they are differs from place to place, so libbpf writes it to a
-- map when a program is attached, and the program looks there.
local T = require "lbpf.compiler.type"
local lbpf = require "lbpf.core"
local machine = require "lbpf.compiler.machine"

local usdt = {}

local LOOKUP, READ_USER, READ_KERNEL, COOKIE = 1, 112, 113, 174
local MOST_ARGUMENTS = 12
local CONSTANT, REGISTER, INDEXED = 0, 1, 3 -- others: in memory, at a register and an offset

-- An argument's description: where in it libbpf, before 1.7 and since, writes what.
local old = {size = 16, offset = 0, kind = 8, register = 12, signed = 14, shift = 15}
local new = {size = 24, offset = 0, kind = 8, index = 10, register = 14, signed = 16, shift = 17}

local function layout()
  return lbpf.minor_version() >= 7 and new or old
end

-- Where struct pt_regs has the instruction's address.
local instruction_pointers = {x86_64 = 128, arm64 = 256}

--- The maps that libbpf expects of an object with such programs.
function usdt.maps()
  return {
    {name = "__bpf_usdt_specs", kind = "array", max_entries = 256, key_size = 4,
      value_size = MOST_ARGUMENTS * layout().size + 16},
    {name = "__bpf_usdt_ip_to_spec_id", kind = "hash", max_entries = 1024, key_size = 8,
      value_size = 4},
  }
end

-- libbpf uses cookies where the kernel has them, also where its types cannot be read.
local function has_cookies(env)
  if env.kernel then
    return env.helper "bpf_get_attach_cookie" ~= nil
  end
  return machine.has_cookies()
end

-- The entry that describes the place, in a register.
local function find_spec(self, missing)
  local c, key = self.code, self.code:slot(8)
  if has_cookies(self.env) then
    c:store(key, 0, 8, c:call(COOKIE, self.ctx))
  else
    c:store(key, 0, 8, c:load(self.ctx, instruction_pointers[self.probe.arch], 8))
    local id = c:call(LOOKUP, {map = "__bpf_usdt_ip_to_spec_id"}, {slot = key})
    c:branch("==", id, {imm = 0}, missing)
    c:store(key, 0, 8, c:load(id, 0, 4))
  end
  local spec = c:call(LOOKUP, {map = "__bpf_usdt_specs"}, {slot = key})
  c:branch("==", spec, {imm = 0}, missing)
  return spec
end

-- The register whose offset in the context is in OFFSET.
local function read_register(self, offset, slot, missing)
  local c = self.code
  c:branch("~=", c:call(READ_KERNEL, {slot = slot}, {imm = 8}, c:alu("+", self.ctx, offset)),
    {imm = 0}, missing)
  return c:load(slot, 0, 8)
end

-- D += the index register, times its scale.
local function add_index(self, d, spec, at, slot, missing)
  local c, shape, past = self.code, layout(), self.code:label()
  c:branch("~=", c:load(spec, at + shape.kind, 1), {imm = INDEXED}, past)
  local both = c:load(spec, at + shape.index, 2)
  local index = read_register(self, c:alu("&", both, {imm = 0xfff}), slot, missing)
  c:change("<<", index, c:alu(">>", both, {imm = 12}))
  c:change("+", d, index)
  c:place(past)
end

-- The code for argument N.
local function fetch(self, n)
  local c, shape, d = self.code, layout(), nil
  local at = n * shape.size
  local missing = self:problem(c.node, ("this place has no argument %d that can be read"):format(n))
  c:scoped(function()
    local spec, slot = find_spec(self, missing), c:slot(8)
    local constant, done = c:label(), c:label()
    local count = c:load(spec, MOST_ARGUMENTS * shape.size + 8, 2)
    c:branch("u<=", count, {imm = n}, missing)
    d = c:mov(c:reg(), {imm = 0})
    c:branch("==", c:load(spec, at + shape.kind, 1), {imm = CONSTANT}, constant)
    c:mov(d, read_register(self, c:extend(c:load(spec, at + shape.register, 2), 2, true), slot,
      missing))
    c:branch("==", c:load(spec, at + shape.kind, 1), {imm = REGISTER}, done)
    c:change("+", d, c:load(spec, at + shape.offset, 8))
    if shape.index then
      add_index(self, d, spec, at, slot, missing)
    end
    c:branch("~=", c:call(READ_USER, {slot = slot}, {imm = 8}, d), {imm = 0}, missing)
    c:mov(d, c:load(slot, 0, 8))
    c:jump(done)
    c:place(constant)
    c:mov(d, c:load(spec, at + shape.offset, 8))
    c:place(done)
    local unsigned, extended = c:label(), c:label()
    local shift = c:alu("&", c:load(spec, at + shape.shift, 1), {imm = 63})
    c:change("<<", d, shift)
    c:branch("==", c:load(spec, at + shape.signed, 1), {imm = 0}, unsigned)
    c:change("sar", d, shift)
    c:jump(extended)
    c:place(unsigned)
    c:change(">>", d, shift)
    c:place(extended)
  end)
  return d
end

--- The arguments arg0 to arg11, by name: their number and types are not known before a program is
-- attached.
function usdt.arguments()
  local arguments = {}
  for n = 0, MOST_ARGUMENTS - 1 do
    arguments["arg" .. n] = {type = T.int, size = 8, value = function(self)
      return fetch(self, n)
    end}
  end
  return arguments
end

return usdt
