-- The command lbpf: `lbpf trace SPEC PROGRAM ...`, `lbpf compile FILE`.
local function parser()
  local found, argparse = pcall(require, "argparse")
  if not found then
    error("the command lbpf needs argparse (Debian: lua-argparse)", 0)
  end
  local p = argparse("lbpf", "Programs in Lua that run in the kernel.")
  p:require_command(true)
  p:command_target("command")

  local trace = p:command("trace", "Run programs at probes, and show what they report.")
  trace:argument("program", "SPEC PROGRAM [SPEC PROGRAM ...]: a probe, \"tp/sched/sched_switch\" "
    .. "or \"tracepoint:sched:sched_switch\", and what runs there; or a file of Lua that returns a "
    .. "table of these."):args("*")
  trace:option("-p --pid", "Only for this process."):convert(tonumber)
  trace:option("-c --command", "Run the command, trace it, and end with it."):target("child")
  trace:option("--cgroup", "Only for the processes in this cgroup, a directory.")
  trace:option("-t --time", "End after so many seconds."):convert(tonumber)
  trace:option("-n --lines", "End after so many lines."):convert(tonumber)
  trace:flag("--json", "Write JSON, a line an event and a map.")
  trace:flag("-v --verbose", "Show the instructions, on standard error.")
  trace:option("-l --list", "List the probes that fit, with their arguments."):argname("<glob>")

  local compile = p:command("compile", "Write a BPF object.")
  compile:argument("file", "Lua that returns a table: SEC() name = function or text.")
  compile:option("--arch", "For this processor, instead of the one here.")
    :choices({"x86_64", "arm64"})
  compile:option("--loops", "How loops end: may_goto needs Linux 6.9; by default what is here.")
    :choices({"may_goto", "bounded"})
  compile:option("-o --output", "The object's file; else FILE with .bpf.o for .lua.")
  return p
end

local function fail(message, ...)
  error({message = select("#", ...) > 0 and message:format(...) or message}, 0)
end

-- A result, or the command ends with what went wrong.
local function check(result, message)
  return result or fail(message)
end

-- The table of programs that a file returns.
local function programs_of(path)
  local chunk = check(loadfile(path))
  local programs = chunk()
  if type(programs) ~= "table" then
    fail("%s: must return a table: SPEC = function or text", path)
  end
  return programs
end

-- Writing ----------------------------------------------------------------------------------------

-- An encoder of JSON, whichever there is.
local function json()
  for _, name in ipairs({"cjson", "dkjson"}) do
    local found, module = pcall(require, name)
    if found then
      return module.encode
    end
  end
  fail("--json needs lua-cjson or lua-dkjson")
end

-- What JSON has of a value: numbers, strings, booleans.
local function portable(value)
  return type(value) == "cdata" and tonumber(value) or value
end

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
      rows[i] = {key = row.text, value = portable(value)}
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
          local value = portable((select(i, ...)))
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
  check(os.execute("mkfifo -m 600 " .. fifo), "-c: cannot make " .. fifo)
  local go = check(io.popen(("echo $$ >%s; read -r go && exec </proc/$PPID/fd/0 %s"):format(fifo,
    command), "w"))
  local file = check(io.open(fifo))
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

-- Commands ---------------------------------------------------------------------------------------

local function list_probes(glob)
  local known = require("lbpf.trace.list").each(glob, function(section, arguments, result)
    print(section .. (arguments and "(" .. arguments .. ")" or "")
      .. (result and " -> " .. result or ""))
  end)
  return known and 0 or fail("%s: such probes cannot be listed", glob)
end

local function programs_in(arguments)
  if #arguments == 1 and arguments[1]:match("%.lua$") then
    return programs_of(arguments[1])
  elseif #arguments == 0 or #arguments % 2 == 1 then
    fail("expected a program for each probe: lbpf trace SPEC PROGRAM [SPEC PROGRAM ...]")
  end
  local programs = {}
  for i = 1, #arguments, 2 do
    programs[#programs + 1] = {arguments[i], arguments[i + 1]}
  end
  return programs
end

local function trace(args)
  local lbpf = require "lbpf"
  if args.list then
    return list_probes(args.list)
  end
  local encode = args.json and json()
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
  tracer = check(lbpf.trace(programs, {pid = child and child.pid or args.pid, cgroup = args.cgroup,
    out = function(line)
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

local function compile(args)
  local lbpf = require "lbpf"
  local output = args.output or args.file:gsub("%.lua$", "") .. ".bpf.o"
  local programs = require("lbpf.trace.expand")(programs_of(args.file))
  local bytes = check(lbpf.compile(programs, {arch = args.arch,
    loops = args.loops}))
  local file = check(io.open(output, "wb"))
  file:write(bytes)
  check(file:close())
  return 0
end

local commands = {trace = trace, compile = compile}

--- Runs the command.
-- @tparam {string,...} arguments
-- @treturn integer its exit status
return function(arguments)
  local ok, result = pcall(function()
    local args = parser():parse(arguments)
    return commands[args.command](args)
  end)
  if ok then
    return result
  end
  io.stderr:write("lbpf: ", tostring(type(result) == "table" and result.message or result), "\n")
  return 1
end
