--- Compiling BPF programs, in Lua or in C.
-- @module lbpf

local clang = require "lbpf.clang"

--- Compiles programs in Lua to a BPF object, for the running kernel's types and without a compiler
-- of C. docs/probes.md describes the language.
--
--     local bytes, plan = assert(lbpf.compile {
--       ["tp/syscalls/sys_enter_openat"] = function(args)
--         print(pid, comm, str(args.filename))
--       end,
--     })
--     local object = assert(lbpf.open_mem(bytes))
--
-- With a field `c` it compiles a source in C instead, by clang: as if it included vmlinux.h, with
-- those types of the running kernel that it names. Then `clang` may name the compiler, `cflags` is
-- a list of more flags, and `btf` the path of other types than the kernel's. Objects are kept in
-- $XDG_CACHE_HOME/lbpf/objects or ~/.cache/lbpf/objects, unless `cache` is false, another user has
-- that directory, or others may write into it.
--
--     local bytes = assert(lbpf.compile {c = [[
--       #include <bpf/bpf_helpers.h>
--       char LICENSE[] SEC("license") = "GPL";
--       SEC("tp/syscalls/sys_enter_openat") int opened(void *ctx) { return 0; }
--     ]]})
--
-- @function compile
-- @tparam table programs SEC name = a function or its source as a string; a list of such pairs,
-- where their order matters; or what has a field `c`
-- @tparam ?table opts of programs in Lua: `max_entries` of each map, 4096, and four times as many
-- stacks; `maps`: by name, a table with `max_entries`; `type`: "lru_hash" for a map that values are
-- assigned to, "lru_percpu_hash" for one that counts; `prealloc`: false: the kernel finds memory
-- for an entry when it is added, so that a large map takes little time to make. Tracing programs
-- can have such maps from Linux 6.1 on; `ring`: the bytes of the ring buffer, 262144; `str`: the
-- bytes that str() reads, 64; `loops`: "may_goto", "bpf_loop" or "bounded", by default what the
-- running kernel has; `rounds`: of a bounded loop at most, 1024;
-- `arch`: "x86_64" or "arm64", by default this machine's; `portable`: false: fields, enumerators
-- and records of tracepoints are where the running kernel has them, which loads faster; else libbpf
-- finds them where it loads the object
-- @treturn string the object's bytes
-- @return of programs in Lua the plan, a table: `programs`, `maps`, `events`, `problems`, as
-- `lbpf.trace` uses it; in C clang's warnings, a string, or nil
-- @treturn[2] nil
-- @treturn[2] string what is wrong, with file and line; clang's messages; or why clang was not run
-- @treturn[2] ?integer the error number if clang could not be run
-- @raise if a program is no function and no string, or an option or a field is unknown
-- @usage local bytes, plan = assert(lbpf.compile {
--   ["tp/syscalls/sys_enter_nanosleep"] = [[ count("naps", comm) ]],
-- })
-- print(#bytes, plan.maps[1].name)
-- local compiled = assert(lbpf.open_mem(bytes))
-- assert(compiled:load())
return function(programs, opts)
  if type(programs) == "table" and type(programs.c) == "string" then
    local bytes, message, errno = clang.compile(programs, 2) -- no tail call: it counts the calls
    return bytes, message, errno
  end
  local bytes, plan = require "lbpf.compiler"(programs, opts) -- the same
  return bytes, plan
end
