-- What compile() asks of the machine that it runs on.
local lbpf = require "lbpf.core"

local machine = {}

local names = {[62] = "x86_64", [183] = "arm64"} -- EM_X86_64, EM_AARCH64

--- The machine's architecture: that of the running interpreter, as its ELF header has it.
function machine.arch()
  local file = io.open("/proc/self/exe", "rb")
  local header = file and file:read(20) or ""
  if file then
    file:close()
  end
  local low, high = header:byte(19, 20)
  return low and (names[low + 256 * high] or ("ELF machine %d"):format(low + 256 * high))
    or "unknown"
end

-- r0 = 0; may_goto over r0 = 1; exit. 6.9 to 6.12 refuse one that goes nowhere.
local MAY_GOTO = "\183\0\0\0\0\0\0\0" .. "\229\0\1\0\0\0\0\0" .. "\183\0\0\0\1\0\0\0"
  .. "\149\0\0\0\0\0\0\0"

local BPF_LOOP, GET_ATTACH_COOKIE = 181, 174

local function loads(code)
  local program = lbpf.prog_load("socket_filter", "loops", "GPL", code)
  if program then
    program:close()
  end
  return program ~= nil
end

-- Where the kernel interprets programs, none can pass a function's address.
local function has_jit()
  local file = io.open "/proc/sys/net/core/bpf_jit_enable"
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return text:sub(1, 1) ~= "0"
end

--- Whether programs can ask the running kernel for what they were attached with.
function machine.has_cookies()
  return lbpf.probe_bpf_helper("kprobe", GET_ATTACH_COOKIE) or false
end

local loops

--- Whether the running kernel calls functions by bpf_loop().
function machine.has_bpf_loop()
  return lbpf.probe_bpf_helper("raw_tracepoint", BPF_LOOP) and has_jit()
end

--- How the running kernel lets a loop end: "may_goto" if it loads a program with one, else
-- "bpf_loop" if it has that helper, else "bounded", which every kernel has.
function machine.loops()
  loops = loops or loads(MAY_GOTO) and "may_goto" or machine.has_bpf_loop() and "bpf_loop"
    or "bounded"
  return loops
end

return machine
