"""Draining a ring as bcc's Python does: a ctypes callback through libbcc, fields read by ctypes."""
import ctypes as ct
import sys
import time

bcc, bpf = ct.CDLL("libbcc.so.0"), ct.CDLL("libbpf.so.1")
CALLBACK = ct.CFUNCTYPE(ct.c_int, ct.c_void_p, ct.c_void_p, ct.c_int)
bcc.bpf_new_ringbuf.restype = ct.c_void_p
bcc.bpf_new_ringbuf.argtypes = [ct.c_int, CALLBACK, ct.py_object]
bcc.bpf_consume_ringbuf.argtypes = [ct.c_void_p]
for name in ("bpf_object__open", "bpf_object__find_program_by_name"):
    getattr(bpf, name).restype = ct.c_void_p
bpf.bpf_object__open.argtypes = [ct.c_char_p]
bpf.bpf_object__load.argtypes = [ct.c_void_p]
bpf.bpf_object__find_program_by_name.argtypes = [ct.c_void_p, ct.c_char_p]
bpf.bpf_program__fd.argtypes = [ct.c_void_p]
bpf.bpf_object__find_map_fd_by_name.argtypes = [ct.c_void_p, ct.c_char_p]
bpf.bpf_map_update_elem.argtypes = [ct.c_int, ct.c_void_p, ct.c_void_p, ct.c_uint64]


class Event(ct.Structure):
    _fields_ = [
        ("pid", ct.c_uint32),
        ("uid", ct.c_uint32),
        ("ts", ct.c_uint64),
        ("comm", ct.c_char * 16),
        ("cookie", ct.c_uint64),
    ]


path, count, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
total = 0


def on_event(_, data, size):
    global total
    e = ct.cast(data, ct.POINTER(Event)).contents
    total += e.pid + e.uid + e.ts + len(e.comm) + e.cookie


def raw(context, data, size):
    try:
        return on_event(context, data, size) or 0
    except Exception:
        return -1


obj = bpf.bpf_object__open(path.encode())
assert bpf.bpf_object__load(obj) == 0
key, state = ct.c_uint32(0), (ct.c_uint64 * 4)(count)
bss = bpf.bpf_object__find_map_fd_by_name(obj, b"drain.bss")
assert bpf.bpf_map_update_elem(bss, ct.byref(key), ct.byref(state), 0) == 0
callback = CALLBACK(raw)
ring = bcc.bpf_new_ringbuf(bpf.bpf_object__find_map_fd_by_name(obj, b"ring"), callback, None)
produce = bpf.bpf_program__fd(bpf.bpf_object__find_program_by_name(obj, b"produce"))
WARM_UP = 3  # as in bench.h
for i in range(-WARM_UP, repeats):
    opts = (ct.c_uint64 * 32)(112)  # struct bpf_test_run_opts, which starts with its size
    assert bpf.bpf_prog_test_run_opts(produce, opts) == 0
    total = 0
    start = time.perf_counter()
    bcc.bpf_consume_ringbuf(ring)
    elapsed = time.perf_counter() - start
    if i >= 0:
        print("five fields\t%.2f\t%d" % (elapsed / count * 1e9, total))
