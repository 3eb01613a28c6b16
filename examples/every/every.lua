-- Counts the ticks of SEC("every/10ms"), a section that this script teaches libbpf: a program
-- that runs so often on every CPU.
--
--   every.lua [SECONDS [OBJECT]]

local lbpf = require "lbpf"

local seconds = tonumber(arg[1] or 3)
local path = arg[2] or "build/bpf/every.bpf.o"
local SOFTWARE, CPU_CLOCK = 1, 0 -- of linux/perf_event.h
local ENODEV = 19

lbpf.register_prog_handler("every/", "perf_event", nil, {
  prog_attach_fn = function(prog)
    local ms = tonumber(prog:section_name():match("^every/(%d+)ms$"))
    if not ms or ms == 0 then
      error(("SEC(\"%s\"): expected every/<n>ms"):format(prog:section_name()))
    end
    local links = {}
    for cpu = 0, lbpf.num_possible_cpus() - 1 do
      local event, message, errno = lbpf.perf_event_open({
        type = SOFTWARE, config = CPU_CLOCK, sample_period = ms * 1000000,
      }, nil, cpu)
      if event then
        links[#links + 1] = assert(prog:attach_perf_event(event))
      elseif errno ~= ENODEV then -- that CPU is offline
        return nil, message, errno
      end
    end
    return links
  end,
})

local object = assert(lbpf.open(path))
assert(object:load())
assert(object:attach())

local function ticks()
  return table.concat(object.maps.ticks:view({numbers = true}):lookup(0), " ")
end

for second = 1, seconds do
  if os.execute("sleep 1") ~= (_VERSION == "Lua 5.1" and 0 or true) then
    break -- Ctrl-C
  end
  print(("%3d s  ticks on each CPU: %s"):format(second, ticks()))
end
object:close()
