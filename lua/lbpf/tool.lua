--- Tools: scripts that trace and write what they see, with options that are alike in all.
--
--     require "lbpf.tool" {
--       name = "syncsnoop",
--       about = "Files that are written to disks.",
--       columns = {{"pid", -7}, {"comm"}},
--       programs = {
--         ["tp/syscalls/sys_enter_fsync"] = [[ emit("row", {pid = pid, comm = comm}) ]],
--       },
--     }
--
-- Each has `-h`, `--pid`, `--cgroup`, `--json`, `--csv` and `--time`; those with rows have
-- `--lines`, and those with maps `--interval`. Standard output has rows and maps, and nothing else.
-- @module lbpf.tool

local condition = require "lbpf.trace.condition"
local kernel = require "lbpf.compiler.kernel"
local lbpf = require "lbpf"
local output = require "lbpf.output"

local function positive(word)
  local number = tonumber(word)
  if not number or number <= 0 then
    return nil, "expected a number above 0, not '" .. word .. "'"
  end
  return number
end

local function parse(spec)
  local found, argparse = pcall(require, "argparse")
  if not found then
    error("tools need argparse (Debian: lua-argparse)", 0)
  end
  local parser = argparse(spec.name, spec.about)
  parser:option("-p --pid", "Only this process."):convert(positive)
  parser:option("--cgroup", "Only processes in this cgroup, a directory.")
  parser:mutex(parser:flag("--json", "Write JSON, a line for each row or map."),
    parser:flag("--csv", "Write CSV."))
  parser:option("-t --time", "End after so many seconds."):convert(positive)
  if spec.columns then
    parser:option("-n --lines", "End after so many rows."):convert(positive)
  end
  if spec.maps then
    parser:option("-i --interval", "Show so often, in seconds, not only at the end.")
      :convert(positive)
  end
  if spec.options then
    spec.options(parser)
  end
  return parser:parse()
end

-- The tool ends after `--lines` rows, whoever writes them.
local function limit_rows(args, tracer, out)
  local write_row, left = out.row, args.lines
  function out:row(row)
    if out.is_full then
      return
    end
    write_row(self, row)
    left = left - 1
    if left == 0 then
      out.is_full = true
      tracer:stop()
    end
  end
end

-- Rows are written as events come: `row` of each, with the event's fields.
local function write_rows(spec, args, tracer, out)
  local function write(row)
    if row then
      out:row(row)
    end
  end
  local changes = spec.rows or {}
  tracer:on_row(function(name, row)
    if out.is_full then
      return
    elseif changes[name] then
      row = changes[name](row, args, write)
    end
    write(row)
  end)
end

-- Maps are shown at the end, and at each interval, which begins with empty ones.
local function show_maps(spec, args, tracer, out)
  local function report()
    if spec.report then
      spec.report(tracer, args, out)
    else
      out:maps(tracer, spec.maps)
    end
  end
  if not args.interval then
    return report, nil
  end
  return report, {[args.interval] = function()
    report()
    for _, name in ipairs(spec.maps) do
      assert(tracer.maps[name]:clear())
    end
  end}
end

local function nothing() end

local function check(result, message)
  if not result then
    error({message = message}, 0)
  end
  return result
end

local function trace(spec, args)
  local own = {pid = args.pid, cgroup = args.cgroup}
  local programs, opts = spec.programs, {ring = 2 ^ 20, uprobe_pid = own.pid}
  for name, value in pairs(spec.compile or {}) do
    opts[name] = value
  end
  if type(programs) == "function" then
    programs = programs(args, check(condition(own)))
  else
    opts.pid, opts.cgroup = own.pid, own.cgroup
  end
  local tracer = check(lbpf.trace(programs, opts))
  kernel.forget()
  collectgarbage()
  return tracer
end

-- r0 = 0; exit
local EMPTY = "\183\0\0\0\0\0\0\0\149\0\0\0\0\0\0\0"

-- Who may load no program at all is told so, before a file that cannot be read is the reason.
local function check_privileges()
  local program, message = lbpf.prog_load("socket_filter", nil, "GPL", EMPTY)
  if not program then
    error({message = message:gsub("^prog_load '': ", "")}, 0)
  end
  program:close()
end

local function run(spec, args)
  check_privileges()
  local tracer = trace(spec, args)
  local out = output.new {columns = spec.columns,
    format = args.json and "json" or args.csv and "csv" or "text"}
  local report, every = nothing, nil
  if args.lines then
    limit_rows(args, tracer, out)
  end
  if spec.columns then
    write_rows(spec, args, tracer, out)
  end
  if spec.maps then
    report, every = show_maps(spec, args, tracer, out)
  end
  if spec.start then
    every = spec.start(tracer, args, out) or every
  end
  if spec.columns and not spec.maps and not args.json then
    out:head()
  else
    io.stderr:write(spec.name, ": tracing, Ctrl-C ends it\n")
  end
  tracer:run {seconds = args.time, every = every}
  report() -- before the programs are detached: for each one the kernel waits some 50 ms
  out:problems(tracer)
  tracer:close()
end

--- Runs a tool with the arguments in the global table `arg`; ends the process if it fails.
-- @function tool
-- @tparam table spec `name`; `about`: what it does; `programs` for `lbpf.trace`, or a function that
-- returns them for the arguments and the text of a test, which ends a program for a process that is
-- not wanted; and if needed:
--
-- - `options`: a function that adds options to the parser, of argparse
-- - `compile`: options of `lbpf.compile`
-- - `columns` of rows, see `lbpf.output`: each event of `emit` is a row with these of its fields
-- - `rows`: by the name of an event, a function that changes its row and returns it, or nil if
--   there is nothing to write; called with the row, the arguments, and a function that writes one
-- - `maps`: names of those that are shown at the end, and at each interval
-- - `report`: a function that shows them instead, called with the tracer, the arguments and the
--   output
-- - `start`: a function called once the programs are attached, with the same; it may return timers,
--   seconds = function
-- @needs argparse
-- @usage require "lbpf.tool" {
--   name = "x", about = "Counts.", maps = {"n"},
--   programs = {["tp/sched/sched_switch"] = [[ count("n") ]]},
-- }
return function(spec)
  local args = parse(spec)
  local signal, ok, problem = lbpf.interruptible(pcall, run, spec, args)
  if not signal and not ok then
    local message = type(problem) == "table" and problem.message or problem
    io.stderr:write(spec.name, ": ", tostring(message), "\n")
    os.exit(1)
  end
end
