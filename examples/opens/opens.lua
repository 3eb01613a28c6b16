-- Shows the files that are being opened on this machine: process, file, result and latency; as a
-- live table on a terminal, as plain lines in a pipe.
--
-- Its programs say SEC("syscall/openat") and SEC("syscall.exit/openat"), names that libbpf does
-- not know. The two handlers below teach it.

local lbpf = require "lbpf"

local parser = require "argparse" ("opens", "Shows the files being opened on this machine.")
parser:option("-s --seconds", "End after so many seconds."):convert(tonumber)
parser:option("-p --pid", "Of this process only."):convert(tonumber)
parser:option("-c --comm", "Of processes with this name only.")
parser:flag("-f --failed", "Only what could not be opened.")
parser:option("--object", "The compiled opens.bpf.c."):default("build/bpf/opens.bpf.o")
local args = parser:parse()

-- SEC("syscall/NAME") runs when the system call is entered, SEC("syscall.exit/NAME") when it
-- returns.
local function teach(section, tracepoint)
  lbpf.register_prog_handler(section, "tracepoint", nil, {
    prog_attach_fn = function(prog)
      local syscall = prog:section_name():sub(#section + 1)
      return prog:attach_tracepoint("syscalls", tracepoint .. syscall)
    end,
  })
end
teach("syscall/", "sys_enter_")
teach("syscall.exit/", "sys_exit_")

local object = assert(lbpf.open(args.object))
local FORMAT = "%-16s %7d  %-26s %8.1f  %s"
local HEAD = ("%-16s %7s  %-26s %8s  %s"):format("PROCESS", "PID", "RESULT", "µs", "FILE")

local function line(pid, ret, nanoseconds, comm, file)
  if args.pid and pid ~= args.pid or args.comm and comm ~= args.comm
    or args.failed and ret >= 0 then
    return nil
  end
  local result = ret >= 0 and "fd " .. ret or lbpf.strerror(-ret)
  return FORMAT:format(comm, pid, result, nanoseconds / 1000, (file:gsub("%c", "?")))
end

-- A terminal shows the newest lines that fit, drawn anew five times a second.
local function table_on_terminal()
  local size = io.popen("stty size 2>/dev/null </dev/tty"):read("*l") or "24 80"
  local rows, columns = size:match("(%d+) (%d+)")
  local lines, total = {}, 0
  return function(new)
    total = total + 1
    lines[#lines + 1] = new:sub(1, tonumber(columns))
    if #lines > tonumber(rows) - 3 then
      table.remove(lines, 1)
    end
  end, function()
    io.write("\27[H\27[J", HEAD, "\n", table.concat(lines, "\n"), "\n\n", total, " opened")
    io.flush()
  end
end

local function plain_lines()
  print(HEAD)
  return print, io.flush
end

local on_terminal = os.execute("test -t 1")
on_terminal = on_terminal == true or on_terminal == 0
local add, draw = (on_terminal and table_on_terminal or plain_lines)()

assert(object:load())
assert(object:attach())
local ring = assert(lbpf.ring_buffer(object.maps.events, function(...)
  local new = line(...)
  if new then
    add(new)
  end
end, {type = "event", fields = {"pid", "ret", "nanoseconds", "comm", "file"}, numbers = true}))

local deadline = args.seconds and os.time() + args.seconds
local ok, problem = pcall(function()
  while not deadline or os.time() < deadline do
    ring:poll(200)
    draw()
  end
end)
object:close()
io.write("\n")
if not ok and not tostring(problem):find("interrupted!", 1, true) then
  error(problem, 0)
end
