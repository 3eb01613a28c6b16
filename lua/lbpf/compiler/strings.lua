-- Strings as instructions: methods of the generator.
--
-- Memory is {base (register or slot), off}. A string ends with a zero; what is after it counts only
-- where strings are compared or are keys, and then it is zeros ("padded").
local generator = require "lbpf.compiler.instructions"
local int64 = require "lbpf.compiler.int64"

local READ = {kernel = 113, user = 112, packet = 113} -- bpf_probe_read_kernel, _user
local READ_STRING = {kernel = 115, user = 114, packet = 115} -- the same with _str
local LOOKUP, D_PATH = 1, 147

local function zero(c, base, off, from, size)
  for at = from, size - 1, 8 do
    c:store(base, off + at, 8, {imm = 0})
  end
end

local function address(c, base, off)
  return type(base) == "table" and {slot = base, off = off} or off ~= 0
    and c:alu("+", base, {imm = off}) or base
end

local function copy_words(c, from, base, off, size)
  for at = 0, size - 1, 8 do
    c:store(base, off + at, 8, c:load(from, at, 8))
  end
end

local function literal(self, text, base, off, size)
  local c = self.code
  text = text .. ("\0"):rep(size - #text)
  for at = 0, size - 1, 8 do
    local b = {text:byte(at + 1, at + 8)}
    local lo = b[1] + b[2] * 256 + b[3] * 65536 + b[4] * 16777216
    local hi = b[5] + b[6] * 256 + b[7] * 65536 + b[8] * 16777216
    local n = int64.from_words(hi, lo)
    c:store(base, off + at, 8, int64.small(n) and {imm = n} or c:imm64(n))
  end
end

--- Reads a string at the address FROM, in SPACE. If it cannot be read, it is "".
function generator:read_string(from, space, bound, base, off, size, padded)
  local c = self.code
  if padded then
    zero(c, base, off, 0, size)
  end
  c:call(READ_STRING[space], address(c, base, off), {imm = math.min(bound, size)}, from)
end

--- Reads SIZE bytes at the address FROM. If they cannot be read, they are zeros.
function generator:read_bytes(from, space, base, off, size)
  local c = self.code
  c:call(READ[space], address(c, base, off), {imm = size}, from)
end

-- Joining -----------------------------------------------------------------------------------------

-- Where the next part of a joined string is written: `at` is a register, the bytes before it.
local function new_joint(self, base, off, size)
  local c = self.code
  zero(c, base, off, 0, size)
  return {at = c:mov(c:reg(), {imm = 0}), start = c:mov(c:reg(), address(c, base, off))}
end

-- Appends the string at FROM, in SPACE, of BOUND bytes at most with its end.
local function append(self, joint, from, space, bound, unreadable)
  local c = self.code
  local to = c:alu("+", joint.start, joint.at)
  local length = c:call(READ_STRING[space], to, {imm = bound}, from)
  c:branch("<=", length, {imm = 0}, unreadable)
  c:change("+", joint.at, c:change("-", length, {imm = 1}))
end

-- The parts of a .. b .. c, as a list.
local function parts_of(node, list)
  if node.tag == "binary" and node.op == ".." then
    parts_of(node.left, list)
    return parts_of(node.right, list)
  end
  list[#list + 1] = node
  return list
end

local function concatenate(self, node, base, off, size)
  local c = self.code
  local joint = new_joint(self, base, off, size)
  for _, part in ipairs(parts_of(node, {})) do
    c:scoped(function()
      local past = c:label()
      local slot = c:slot(part.type.size)
      local flag = self:string_into(part, slot, 0, part.type.size, false)
      self:branch_absent(flag, flag and self:problem(part, "attempt to concatenate nil"))
      append(self, joint, {slot = slot}, "kernel", part.type.bound, past)
      c:place(past)
    end)
  end
end

-- Of nodes ----------------------------------------------------------------------------------------

local string_of = {}

--- Writes the string of a node to memory, SIZE bytes of it; with zeros after its end if PADDED.
-- @return its flag
function generator:string_into(node, base, off, size, padded)
  return string_of[node.tag](self, node, base, off, size, padded)
end

function string_of.string(self, node, base, off, size)
  literal(self, node.value, base, off, size)
end

string_of["nil"] = function(self, _, base, off, size)
  zero(self.code, base, off, 0, size)
  return {imm = 0}
end

function string_of.computed(self, node, base, off, size)
  copy_words(self.code, node.slot, base, off, node.type.size)
  zero(self.code, base, off, node.type.size, size)
  return node.flag
end

function string_of.name(self, node, base, off, size, padded)
  local ref, c = node.ref, self.code
  if ref.kind == "local" then
    local from = ref.var.type.size
    copy_words(c, ref.var.slot, base, off, math.min(from, size))
    zero(c, base, off, from, size)
    return node.type.absent and ref.var.flag or nil
  elseif ref.kind == "map" then
    return string_of.index(self, {map = ref.map, keys = {}, type = node.type}, base, off, size)
  end
  return ref.def.string(self, node, base, off, size, padded)
end

function string_of.call(self, node, base, off, size, padded)
  return node.fn.ref.def.string(self, node, base, off, size, padded)
end

function string_of.field(self, node, base, off, size, padded)
  local arg = node.argument
  if arg then
    local from
    if arg.address then
      from = self:argument(arg)
    else
      from = self:address_of_argument(arg)
    end
    return self:read_string(from, "kernel", node.type.bound, base, off, size, padded)
  end
  local place = self:place(node)
  self:read_string(self:address_of(place), place.space, node.type.bound, base, off, size, padded)
end

function string_of.index(self, node, base, off, size, padded)
  if not node.map then
    return string_of.field(self, node, base, off, size, padded)
  end
  local c = self.code
  if not node.map.value then -- programs assign nothing else to it than itself: it is nil
    zero(c, base, off, 0, size)
    return c:mov(c:reg(), {imm = 0})
  end
  local done, absent = c:label(), c:label()
  local entry
  c:scoped(function()
    local key = self:key(node.map, node.keys)
    entry = c:call(LOOKUP, {map = node.map.object}, {slot = key})
  end)
  c:branch("==", entry, {imm = 0}, absent)
  local from = node.map.value.size
  copy_words(c, entry, base, off, math.min(from, size))
  zero(c, base, off, from, size)
  c:jump(done)
  c:place(absent)
  zero(c, base, off, 0, size)
  c:place(done)
  return entry
end

function string_of.inline(self, node, base, off, size)
  local _, flag = self:optional(node)
  local from = node.result.type.size
  copy_words(self.code, node.result.slot, base, off, math.min(from, size))
  zero(self.code, base, off, from, size)
  return flag
end

function string_of.binary(self, node, base, off, size)
  local c = self.code
  if node.op == ".." then
    return concatenate(self, node, base, off, size)
  end
  local flag = node.type.absent and c:reg() or nil
  local done, otherwise = c:label(), c:label()
  local function set(part)
    local there = self:string_into(part, base, off, size, true)
    if flag then
      c:mov(flag, there or {imm = 1})
    end
    return there
  end
  if node.op == "and" then
    self:cond(node.left, false, otherwise)
    set(node.right)
    c:jump(done)
    c:place(otherwise)
    zero(c, base, off, 0, size)
    c:mov(flag or c:reg(), {imm = 0})
  else
    local left = self:chosen(node.left, otherwise)
    if left.type.kind == "nil" then
      c:place(otherwise)
      set(node.right)
    else
      self:branch_absent(set(left) or {imm = 1}, otherwise)
      c:jump(done)
      c:place(otherwise)
      set(node.right)
    end
  end
  c:place(done)
  return flag
end

-- Pieces of 8, 4, 2 and 1 bytes that make up a size.
local function pieces(size)
  local out, at = {}, 0
  for _, n in ipairs {8, 4, 2, 1} do
    while size - at >= n do
      out[#out + 1] = {at = at, size = n}
      at = at + n
    end
  end
  return out
end

-- Jumps if a string's first bytes are these, or are not.
local function compare_with_literal(self, node, text, equal, label)
  local c = self.code
  local same, differs = equal and label or c:label(), equal and c:label() or label
  c:scoped(function()
    local size = node.type.size
    local slot = c:slot(size)
    local flag = self:string_into(node, slot, 0, size, false)
    self:branch_absent(flag, differs)
    for _, piece in ipairs(pieces(#text)) do
      local bytes = {text:byte(piece.at + 1, piece.at + piece.size)}
      local lo, hi = 0, 0
      for i = #bytes, 1, -1 do
        if i > 4 then
          hi = hi * 256 + bytes[i]
        else
          lo = lo * 256 + bytes[i]
        end
      end
      local n = int64.from_words(hi, lo)
      c:branch("~=", c:load(slot, piece.at, piece.size), int64.small(n) and {imm = n}
        or c:imm64(n), differs)
    end
  end)
  c:jump(same)
  c:place(equal and differs or same)
end

--- Jumps to the label if a string has this prefix.
function generator:compare_prefix(node, prefix, label)
  if #prefix < node.type.bound then
    compare_with_literal(self, node, prefix, true, label)
  end
end

--- Jumps to the label if two strings are equal, or are not (EQUAL).
function generator:compare_strings(node, equal, label)
  local c, l, r = self.code, node.left, node.right
  if l.tag == "string" then
    l, r = r, l
  end
  if r.tag == "string" and #r.value < l.type.bound then
    return compare_with_literal(self, l, r.value .. "\0", equal, label)
  end
  local same, differs = equal and label or c:label(), equal and c:label() or label
  c:scoped(function()
    local size = math.max(l.type.size, r.type.size)
    local a, b = c:slot(size), c:slot(size)
    local a_flag = self:string_into(l, a, 0, size, true)
    local b_flag = self:string_into(r, b, 0, size, true)
    if a_flag and b_flag then
      local there = c:label()
      c:branch("~=", c:in_reg(a_flag), {imm = 0}, there)
      self:branch_absent(b_flag, same)
      c:jump(differs)
      c:place(there)
    else
      self:branch_absent(a_flag, differs)
    end
    self:branch_absent(b_flag, differs)
    for at = 0, size - 1, 8 do
      c:branch("~=", c:load(a, at, 8), c:load(b, at, 8), differs)
    end
  end)
  c:jump(same)
  c:place(equal and differs or same)
end

-- A string of a comparison on the stack, with zeros after its end.
local function compared(self, node, size)
  local slot = self.code:slot(size)
  local flag = self:string_into(node, slot, 0, size, true)
  self:branch_absent(flag, flag and self:problem(node, "attempt to compare nil"))
  return slot
end

--- Jumps to the label if two strings are in the order that the operator says (or not: SENSE), by
-- their bytes.
function generator:order_strings(node, sense, label)
  local c, past = self.code, self.code:label()
  local yes, no = sense and label or past, sense and past or label
  c:scoped(function()
    local size = math.max(node.left.type.size, node.right.type.size)
    local a, b = compared(self, node.left, size), compared(self, node.right, size)
    if node.op:sub(1, 1) == ">" then
      a, b = b, a
    end
    for at = 0, size - 1, 8 do
      local x, y = c:load(a, at, 8), c:load(b, at, 8)
      c:emit("swap", {d = x, width = 64}) -- the first byte counts most
      c:emit("swap", {d = y, width = 64})
      c:branch("u<", x, y, yes)
      c:branch("u>", x, y, no)
    end
  end)
  c:jump(#node.op == 2 and yes or no)
  c:place(past)
end

--- Fills memory with zeros.
function generator:clear(base, off, size)
  zero(self.code, base, off, 0, size)
end

-- For built-ins ----------------------------------------------------------------------------------

--- The strings that a list of pointers at LIST leads to, with spaces between them: at most COUNT of
-- at most BOUND bytes each.
function generator:join_strings(list, space, count, bound, base, off, size)
  local c = self.code
  local joint = new_joint(self, base, off, size)
  local i, top, done, finish = c:mov(c:reg(), {imm = 0}), c:label(), c:label(), c:label()
  local pointer = c:slot(8)
  list = c:mov(c:reg(), list)
  c.depth = c.depth + 1
  c:place(top)
  local unread = c:call(READ[space], {slot = pointer}, {imm = 8}, list)
  c:branch("~=", unread, {imm = 0}, done)
  local from = c:load(pointer, 0, 8)
  c:branch("==", from, {imm = 0}, done)
  c:branch("u>", joint.at, {imm = size - bound - 1}, done)
  append(self, joint, from, space, bound, done)
  c:store(c:alu("+", joint.start, joint.at), 0, 1, {imm = 32})
  c:change("+", joint.at, {imm = 1})
  c:change("+", list, {imm = 8})
  c:change("+", i, {imm = 1})
  c:branch("<", i, {imm = count}, top)
  c.depth = c.depth - 1
  c:place(done)
  c:branch("==", joint.at, {imm = 0}, finish) -- the last space
  c:change("-", joint.at, {imm = 1})
  c:branch("u>", joint.at, {imm = size - 1}, finish)
  c:store(c:alu("+", joint.start, joint.at), 0, 1, {imm = 0})
  c:place(finish)
end

--- The path at the address FROM, of BOUND bytes at most; "" if it is longer. What the helper leaves
-- behind the end is not copied.
function generator:path_into(from, bound, base, off, size)
  local c = self.code
  c:scoped(function()
    local slot, fits = c:slot(bound), c:label()
    zero(c, slot, 0, 0, bound)
    c:branch(">", c:call(D_PATH, from, {slot = slot}, {imm = bound}), {imm = 0}, fits)
    c:store(slot, 0, 1, {imm = 0})
    c:place(fits)
    self:read_string(c:mov(c:reg(), {slot = slot}), "kernel", bound, base, off, size, true)
  end)
end

--- The length of a string.
function generator:string_length(node)
  local c, length = self.code, nil
  c:scoped(function()
    local size = node.type.size
    local slot = c:slot(size)
    local flag = self:string_into(node, slot, 0, size, false)
    self:branch_absent(flag, flag and self:problem(node, "attempt to get the length of nil"))
    -- the helper counts while it copies, here to the same place
    length = c:call(READ_STRING.kernel, {slot = slot}, {imm = node.type.bound}, {slot = slot})
  end)
  return c:change("-", length, {imm = 1})
end

return generator
