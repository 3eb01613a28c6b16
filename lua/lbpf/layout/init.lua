--- Types in C's syntax: what a program reports or keeps, and its BTF does not tell.
-- @module lbpf.layout
local read = require "lbpf.layout.read"

--- Makes BTF of declarations in C: of structures, unions, enums, typedefs and variables, with bit
-- fields, arrays, nested and anonymous members, and the attributes packed and aligned. Members lie
-- where C puts them for BPF. Names that the text does not declare are looked up in other BTF, and
-- in the kernel's; `u32`, `__u32`, `uint32_t` and their like are known everywhere. A header may be
-- given as it is: of its preprocessor #define without arguments, #ifdef and #ifndef are known, and
-- #include is passed over.
-- @function lbpf.layout
-- @tparam string text
-- @tparam ?btf base where names are looked up first, for example `object:btf()`
-- @treturn btf
-- @treturn integer the number of the last type that is declared; of enums only if there is no other
-- @raise what is wrong with the text, and at which line and column
-- @usage local types = lbpf.layout "struct event { u32 pid; char comm[16]; };"
-- print(types:codec("event"):size())
return function(text, base)
  if type(text) ~= "string" then
    error("bad argument #1 to 'layout' (expected declarations in C, got " .. type(text) .. ")", 2)
  end
  local known, last = read(text, base)
  if not known then
    error(last, 2)
  end
  return known.btf, last.id
end
