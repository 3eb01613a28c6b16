--- The C structures that compiled code reads and writes. C asserts where their members are, in
-- core/event/jit_events.c and core/map/jit_maps.c; a spec compares the two.
local ffi = require "ffi"

-- They are there already if this was loaded before.
pcall(ffi.cdef, [[
/* struct batch_record: an event in a batch; the two highest bits of its size are flags */
struct lbpf_record { int32_t size, cpu; };
/* struct batch_cursor: where a batch is, and how far it has been read */
struct lbpf_cursor {
  const uint8_t *bytes; int32_t used, next, last, delivering; uint32_t reading, fill;
  int32_t size;
};
/* struct codec_check: a part of a table's bytes whose value may not say all of them */
struct lbpf_check { uint32_t kind, offset, size; int32_t length; };
/* struct batch_claim: the events of a batch that a function takes */
struct lbpf_claim {
  struct lbpf_cursor *cursor; struct lbpf_check *checks; int32_t fn; uint32_t least;
};
/* struct jit_element: a key and a value of a map */
struct lbpf_element {
  const void *map; struct lbpf_check *checks; int32_t busy, value_at; uint8_t bytes[?];
};
/* the beginning of struct mapwalk: a walk over a map */
struct lbpf_walk {
  uint8_t *keys, *values; struct lbpf_check *key_checks, *value_checks; uint32_t n, at;
  int32_t stepping;
};
]])

return {
  record = ffi.typeof "const struct lbpf_record *",
  record_size = ffi.sizeof "struct lbpf_record",
  cursor = ffi.typeof "struct lbpf_cursor *",
  checks = ffi.typeof "struct lbpf_check [?]",
  claim = ffi.typeof "struct lbpf_claim",
  element = ffi.typeof "struct lbpf_element",
  walk = ffi.typeof "struct lbpf_walk *",
}
