-- Draining a ring with LuaJIT's FFI on libbpf: a Lua function as C callback, as bcc's Lua does it.
local ffi = require "ffi"
local system = require "system"

ffi.cdef [[
typedef int (*sample_fn)(void *ctx, void *data, size_t size);
void *bpf_object__open(const char *);
int bpf_object__load(void *);
void *bpf_object__find_program_by_name(void *, const char *);
int bpf_program__fd(void *);
int bpf_object__find_map_fd_by_name(void *, const char *);
int bpf_map_update_elem(int, void *, void *, uint64_t);
int bpf_prog_test_run_opts(int, void *);
void *ring_buffer__new(int, sample_fn, void *, void *);
int ring_buffer__consume(void *);
struct event { uint32_t pid, uid; uint64_t ts; char comm[16]; uint64_t cookie; };
]]
local bpf = ffi.load("libbpf.so.1")

local path, count, repeats = arg[1], tonumber(arg[2]), tonumber(arg[3])
local object = bpf.bpf_object__open(path)
assert(bpf.bpf_object__load(object) == 0)
local bss = bpf.bpf_object__find_map_fd_by_name(object, "drain.bss")
local state = ffi.new("uint64_t[4]", {count, 0, 0, 0})
assert(bpf.bpf_map_update_elem(bss, ffi.new("uint32_t[1]"), state, 0) == 0)

local sum = 0ULL
local event = ffi.typeof("struct event *")
local callback = ffi.cast("sample_fn", function(_, data)
  local e = ffi.cast(event, data)
  sum = sum + e.pid + e.uid + e.ts + #ffi.string(e.comm) + e.cookie
  return 0
end)
local ring = bpf.ring_buffer__new(bpf.bpf_object__find_map_fd_by_name(object, "ring"), callback,
  nil, nil)
local produce = bpf.bpf_program__fd(bpf.bpf_object__find_program_by_name(object, "produce"))

for i = -2, repeats do -- the first three are not measured, as in bench.h
  local opts = ffi.new("uint64_t[32]", {112, 0}) -- struct bpf_test_run_opts starts with its size
  assert(bpf.bpf_prog_test_run_opts(produce, opts) == 0)
  sum = 0ULL
  local start = system.monotime()
  bpf.ring_buffer__consume(ring)
  local elapsed = system.monotime() - start
  if i > 0 then
    print(("five fields\t%.2f\t%.0f"):format(elapsed / count * 1e9, tonumber(sum)))
  end
end
