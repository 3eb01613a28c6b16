--- Compiling BPF programs, in Lua or in C.
-- @module lbpf

local clang = require "lbpf.clang"

--- Compiles programs in C: what `lbpf.compile` does with a field `c`. The types of the running
-- kernel that the source names are there, as if it included a vmlinux.h; libbpf's headers for BPF
-- programs must be installed, and clang.
-- @function compile_c
-- @tparam table opts `c`: the source; `clang`: the compiler ("clang"); `cflags`: a list of more
-- flags
-- @treturn string the bytes of an object, for `lbpf.open_mem`
-- @treturn[2] nil
-- @treturn[2] string what clang says, with lines of the Lua file; or why it could not be run
-- @treturn[2] ?integer the error number if it could not be run: ENOENT
-- @usage local bytes = assert(lbpf.compile {c = [[
--   #include <bpf/bpf_helpers.h>
--   char LICENSE[] SEC("license") = "GPL";
--   SEC("tp/syscalls/sys_enter_openat") int opened(void *ctx) { return 0; }
-- ]]})

return function(probes, opts)
  if type(probes) == "table" and type(probes.c) == "string" then
    local bytes, message, errno = clang.compile(probes, 2) -- no tail call: it counts the calls
    return bytes, message, errno
  end
  return require "lbpf.compiler"(probes, opts)
end
