-- lbpf trace SPEC PROGRAM ...: runs programs in Lua at probes, and shows what they report.

local json = require "lbpf.json"
local support = require "lbpf.command.support"

local trace = {summary = "Run programs at probes, and show what they report."}

function trace.declare(command)
  command:argument("program", "SPEC PROGRAM [SPEC PROGRAM ...]: a probe, \"tp/sched/sched_switch\" "
    .. "or \"tracepoint:sched:sched_switch\", and what runs there; or a file of Lua that returns a "
    .. "table of these."):args("*")
  command:option("-p --pid", "Only for this process."):convert(tonumber)
  command:option("-c --command", "Run the command, trace it, and end with it."):target("child")
  command:option("--cgroup", "Only for the processes in this cgroup, a directory.")
  command:option("-t --time", "End after so many seconds."):convert(tonumber)
  command:option("-n --lines", "End after so many lines."):convert(tonumber)
  command:flag("--json", "Write JSON, a line an event and a map.")
  command:flag("-v --verbose", "Show the instructions, on standard error.")
  command:option("-l --list", "List the probes that fit, as lbpf list does."):argname("<glob>")
end

-- Writing ----------------------------------------------------------------------------------------

-- One map, or all and what was lost.
local function show_json(tracer, encode, name)
  for _, map in ipairs(tracer.plan.maps) do
    local rows = {}
    for i, row in ipairs((not name or name == map.name) and tracer:rows(map.name) or {}) do
      local value = row.value
      if map.kind == "hist" or map.kind == "lhist" then
        value = {}
        for bucket, n in pairs(row.value) do
          value[tostring(bucket)] = n
        end
      end
      rows[i] = {key = row.text, value = json.portable(value)}
    end
    if #rows > 0 then
      print(encode({type = map.kind, name = map.name, data = rows}))
    end
  end
  for _, problem in ipairs(name and {} or tracer:problems()) do
    print(encode({type = "problem", data = problem}))
  end
end

local function write_json(tracer, encode, count)
  for _, event in ipairs(tracer.plan.events) do
    if event.kind == "show" then
      tracer:on("show", function(name)
        show_json(tracer, encode, name)
      end)
    elseif event.kind ~= "exit" and event.kind ~= "clear" then
      tracer:on(event.name, function(...)
        if tracer.ended then -- after the last line that was asked for
          return
        end
        local data = {}
        for i = 1, #event.fields do
          local value = json.portable((select(i, ...)))
          if event.kind == "emit" then
            data[event.fields[i]] = value
          else
            data[i] = value == nil and "nil" or value
          end
        end
        print(encode({type = event.name, data = data}))
        count()
      end)
    end
  end
end

-- The name of a helper by its number, as the kernel's types have it.
local function helper_names(lbpf)
  local btf = lbpf.btf_load_vmlinux_btf()
  local id = btf and btf:find_by_name_kind("bpf_func_id", "enum")
  local names = {}
  for _, e in ipairs(id and btf:type_by_id(id).values or {}) do
    names[e.value] = e.name:gsub("^BPF_FUNC_", "bpf_")
  end
  return names
end

local function show_instructions(tracer, lbpf)
  local disassemble = require "lbpf.trace.disassemble"
  local names = helper_names(lbpf)
  for _, program in ipairs(tracer.plan.programs) do
    local bytes = tracer.object.progs[program.name]:insns()
    io.stderr:write(("%s: %d instructions\n"):format(program.section, #bytes / 8))
    io.stderr:write(table.concat(disassemble(bytes, names), "\n"), "\n")
  end
end

-- A process to be traced ------------------------------------------------------------------------

-- Starts a shell that waits for a line, and becomes the command then. Its input is ours.
local function start_child(command)
  local fifo = os.tmpname()
  os.remove(fifo)
  support.check(os.execute("mkfifo -m 600 " .. fifo), "-c: cannot make " .. fifo)
  local script = ("echo $$ >%s; read -r go && exec </proc/$PPID/fd/0 %s"):format(fifo, command)
  local go = support.check(io.popen(script, "w"))
  local file = support.check(io.open(fifo))
  local pid = file:read("*n")
  file:close()
  os.remove(fifo)
  return {pid = pid, go = go}
end

local function has_ended(pid)
  local file = io.open(("/proc/%d/stat"):format(pid))
  local state = file and file:read("*a"):match("%) (%u)")
  if file then
    file:close()
  end
  return not state or state == "Z"
end

-- The subcommand ---------------------------------------------------------------------------------

local function programs_in(arguments)
  if #arguments == 1 and arguments[1]:match("%.lua$") then
    return support.programs_of(arguments[1])
  elseif #arguments == 0 or #arguments % 2 == 1 then
    support.fail("expected a program for each probe: lbpf trace SPEC PROGRAM [SPEC PROGRAM ...]")
  end
  local programs = {}
  for i = 1, #arguments, 2 do
    programs[#programs + 1] = {arguments[i], arguments[i + 1]}
  end
  return programs
end

function trace.run(args)
  local lbpf = require "lbpf"
  if args.list then
    return require("lbpf.command.list").run({glob = args.list})
  end
  local encode = args.json and support.json()
  local left, tracer, child = args.lines, nil, nil
  local function count() -- a line was written
    left = left and left - 1
    if left == 0 and tracer then
      tracer:stop()
    end
  end
  local programs = programs_in(args.program)
  if args.child then
    child = start_child(args.child)
  end
  tracer = support.check(lbpf.trace(programs, {pid = child and child.pid or args.pid,
    cgroup = args.cgroup, out = function(line)
      if left == 0 then
        return
      end
      print(line)
      count()
    end}))
  if args.verbose then
    show_instructions(tracer, lbpf)
  end
  if encode then
    write_json(tracer, encode, count)
  end
  local every
  if child then
    child.go:write("\n")
    child.go:flush()
    every = {[0.02] = function() return not has_ended(child.pid) end}
  end
  io.stdout:setvbuf("line")
  tracer:run({seconds = args.time, every = every})
  left = nil
  if encode then
    show_json(tracer, encode)
  else
    tracer:show()
  end
  tracer:close()
  if child then
    child.go:close()
  end
  return 0
end

return trace
