-- The types of a program's values.
--
--   int    64 bits, signed. natural: never negative; show: how it is printed, if not as a number
--   bool
--   nil
--   str    size: the bytes it takes, with its end, a multiple of 8; bound: the most that is read;
--          raw: these are just bytes, shown as `show` says
--   ptr    to: a BTF id. space: "kernel", "user", "ctx" or "packet", whose memory that is;
--          known: the verifier knows what it points to, so it is read directly
--   place  a structure, union or array where it is: to, space and known as of the pointer to it
--   void   the result of a call that returns nothing
--   unknown  of a variable, before its first assignment was seen
--
-- A value of a type with `absent` may be missing: then it is nil, or false.
local M = {}

M.int = {kind = "int"}
M.natural = {kind = "int", natural = true}
M.bool = {kind = "bool"}
M.none = {kind = "nil"}
M.void = {kind = "void"}
M.unknown = {kind = "unknown"}

local function round(size)
  return math.floor((size + 7) / 8) * 8
end

--- @param bound the most bytes, with the NUL at the end
function M.str(bound)
  return {kind = "str", size = round(bound), bound = bound}
end

--- COUNT bytes, which may be zeros.
function M.bytes(count, show)
  return {kind = "str", size = round(count), bound = count, raw = true, show = show}
end

--- An integer that is shown in its own way: "kstack", "ipv4" and so on.
function M.shown(show)
  return {kind = "int", natural = true, show = show}
end

function M.pointer(to, space, known)
  return {kind = "ptr", to = to, space = space or "kernel", known = known}
end

function M.place(to, space, known)
  return {kind = "place", to = to, space = space or "kernel", known = known}
end

--- The type, that may have no value: ABSENT is "nil" or "false".
function M.optional(t, absent)
  if t.absent == absent then
    return t
  end
  local new = {}
  for k, v in pairs(t) do
    new[k] = v
  end
  new.absent = absent
  return new
end

--- The type of the value, if there is one.
function M.present(t)
  return t.absent and M.optional(t, nil) or t
end

--- The type of a BTF type in memory; nil if programs have no such type: floating point, and
-- integers of 128 bits.
function M.of_btf(kernel, id, space, known)
  local t, is_user = kernel:resolve(id)
  if t.kind == "int" then
    if t.bool then
      return M.bool
    end
    return t.size <= 8 and ((t.signed or t.size == 8) and M.int or M.natural) or nil
  elseif t.kind == "enum" or t.kind == "enum64" then
    return (t.signed or t.size == 8) and M.int or M.natural
  elseif t.kind == "ptr" then
    local target, tagged = kernel:resolve(t.type)
    local user = is_user or tagged or space == "user"
    return M.pointer(kernel:common(t.type), user and "user" or "kernel",
      known and not user and (target.kind == "struct" or target.kind == "union"))
  elseif t.kind == "array" then
    local of = kernel:resolve(t.type)
    if of.kind == "int" and of.size == 1 and (of.char or of.name == "char") and t.nelems > 0 then
      return M.str(t.nelems)
    end
    return M.place(id, space, known)
  elseif t.kind == "struct" or t.kind == "union" then
    return M.place(id, space, known)
  end
end

--- For messages.
function M.describe(t)
  local texts = {int = "a number", bool = "a boolean", ["nil"] = "nil", str = "a string",
    ptr = "a pointer", place = "a structure", void = "nothing", unknown = "nil"}
  local text = t.raw and "bytes" or texts[t.kind]
  if t.absent then
    return t.absent .. " or " .. text
  end
  return text
end

function M.equal(a, b)
  return a.kind == b.kind and a.absent == b.absent and a.natural == b.natural and a.size == b.size
    and a.bound == b.bound and a.to == b.to and a.space == b.space and a.known == b.known
    and a.show == b.show and a.raw == b.raw
end

local joins = {
  int = function(a, b)
    return {kind = "int", natural = a.natural and b.natural, show = a.show == b.show and a.show
      or nil}
  end,
  bool = function() return M.bool end,
  str = function(a, b)
    if a.raw or b.raw then
      return a.raw and b.raw and a.show == b.show and M.bytes(math.max(a.bound, b.bound), a.show)
    end
    return M.str(math.max(a.bound, b.bound))
  end,
  ptr = function(a, b)
    return a.to == b.to and a.space == b.space and M.pointer(a.to, a.space, a.known and b.known)
  end,
}

--- The common type of two; nil if there is none.
function M.join(a, b)
  if a.kind == "unknown" or b.kind == "unknown" then
    return a.kind == "unknown" and b or a
  elseif a.kind == "nil" or b.kind == "nil" then
    local other = a.kind == "nil" and b or a
    if other.kind == "nil" then
      return a
    end
    return other.absent ~= "false" and M.optional(other, "nil") or nil
  elseif a.kind ~= b.kind or a.absent and b.absent and a.absent ~= b.absent
    or not joins[a.kind] then
    return nil
  end
  local joined = joins[a.kind](a, b)
  local absent = a.absent or b.absent
  return joined and absent and M.optional(joined, absent) or joined or nil
end

return M
