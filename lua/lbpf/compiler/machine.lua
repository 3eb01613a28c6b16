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

local loops

--- How the running kernel lets a loop end: "may_goto" if it loads a program with one, else
-- "bounded", which every kernel has.
function machine.loops()
  if not loops then
    local program = lbpf.prog_load("socket_filter", "may_goto", "GPL", MAY_GOTO)
    loops = program and "may_goto" or "bounded"
    if program then
      program:close()
    end
  end
  return loops
end

return machine
