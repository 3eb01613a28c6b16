---@meta lbpf.layout

local layout

--- Makes BTF of declarations in C: of structures, unions, enums, typedefs and variables, with bit
--- fields, arrays, nested and anonymous members, and the attributes packed and aligned.
--- Members lie
--- where C puts them for BPF. Names that the text does not declare are looked up in other BTF, and
--- in the kernel's; `u32`, `__u32`, `uint32_t` and their like are known everywhere. A header may be
--- given as it is: of its preprocessor #define without arguments, #ifdef and #ifndef are known, and
--- #include is passed over.
---@param text string 
---@param base? lbpf.btf where names are looked up first, for example `object:btf()`
---@return lbpf.btf # 
---@return integer # the number of the last type that is declared; of enums only if there is no other
function layout(text, base) end

return layout
