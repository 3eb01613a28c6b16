-- The module loads, and calls libbpf; the kernel is not asked.
local lbpf = require "lbpf"

local types = lbpf.btf_new_empty()
local u32 = types:add_int("unsigned int", 4)
types:add_struct("event", 4)
types:add_field("pid", u32, 0)
assert(types:find_by_name("event"))
print(lbpf._VERSION, lbpf.version_string())
