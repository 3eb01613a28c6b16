--- System calls for nginx workers, by LuaJIT's FFI. Also loaded into the Lua states of worker
-- threads.
-- @module lbpf.nginx.system

local ffi = require "ffi"
local C = ffi.C

-- With names of our own, because other modules may declare the same functions differently.
ffi.cdef [[
struct lbpf_timespec { long sec, nsec; };
struct lbpf_flock { short type, whence; int64_t start, len; int pid; };
struct lbpf_pollfd { int fd; short events, revents; };
struct lbpf_file { int fd; };
int lbpf_clock_gettime(int, struct lbpf_timespec *) __asm__("clock_gettime");
int lbpf_open(const char *, int, ...) __asm__("open");
int lbpf_close(int) __asm__("close");
int lbpf_fcntl(int, int, ...) __asm__("fcntl");
void *lbpf_mmap(void *, size_t, int, int, int, int64_t) __asm__("mmap");
int lbpf_munmap(void *, size_t) __asm__("munmap");
int lbpf_poll(struct lbpf_pollfd *, unsigned long, int) __asm__("poll");
char *lbpf_strerror(int) __asm__("strerror");
int lbpf_getpagesize(void) __asm__("getpagesize");
]]

local MONOTONIC, THREAD_CPU = 1, 3
local RDWR, CREAT, CLOEXEC = 2, 64, 524288
local SETLK, WRLCK, UNLCK = 6, 1, 2
local READ, WRITE, SHARED = 1, 2, 1
local POLLIN = 1

local system = {}

local time = ffi.new("struct lbpf_timespec")

local function seconds(clock)
  C.lbpf_clock_gettime(clock, time)
  return tonumber(time.sec) + tonumber(time.nsec) / 1e9
end

--- The time in seconds, not cached as ngx.now() is.
function system.now()
  return seconds(MONOTONIC)
end

--- The CPU time of this thread in seconds.
function system.cpu()
  return seconds(THREAD_CPU)
end

local function fail(what)
  return nil, what .. ": " .. ffi.string(C.lbpf_strerror(ffi.errno())), ffi.errno()
end

--- Opens a file for locks; it is closed when it is collected.
function system.lock_file(path)
  local fd = C.lbpf_open(path, RDWR + CREAT + CLOEXEC, ffi.cast("int", 384)) -- 0600
  if fd < 0 then
    return fail("open '" .. path .. "'")
  end
  return ffi.gc(ffi.new("struct lbpf_file", fd), function(file) C.lbpf_close(file.fd) end)
end

local function lock(file, type, byte)
  local range = ffi.new("struct lbpf_flock", {type = type, start = byte, len = 1})
  return C.lbpf_fcntl(file.fd, SETLK, range) == 0
end

--- Locks a byte of the file until this process ends. False if another process has locked it.
function system.lock(file, byte)
  return lock(file, WRLCK, byte)
end

function system.unlock(file, byte)
  return lock(file, UNLCK, byte)
end

system.PAGE = C.lbpf_getpagesize()

--- Maps the first page behind a descriptor, as a pointer to TYPE; or the first COUNT pages, read-
-- only.
function system.share(fd, type, count)
  local size = count * system.PAGE
  local page = C.lbpf_mmap(nil, size, count == 1 and READ + WRITE or READ, SHARED, fd, 0)
  if ffi.cast("intptr_t", page) == -1 then
    return fail("mmap")
  end
  page = ffi.gc(page, function(p) C.lbpf_munmap(p, size) end)
  return ffi.cast(type, page), page -- the caller keeps the second, which unmaps it
end

--- Waits until a descriptor is readable; runs in a worker thread.
function system.wait(fd, milliseconds)
  local poll = ffi.new("struct lbpf_pollfd", fd, POLLIN)
  return C.lbpf_poll(poll, 1, milliseconds) > 0
end

return system
