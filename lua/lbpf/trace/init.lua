--- Tracers: programs in Lua that run in the kernel, and what they report.
--
--     local tracer = assert(lbpf.trace {
--       ["tp/syscalls/sys_enter_openat"] = function(args)
--         print(pid, comm, str(args.filename))
--       end,
--       ["kretprobe/vfs_read"] = [[ hist("bytes", retval) ]],
--     })
--     lbpf.run {tracer, every = {[1] = function() tracer:show() end}}
--
-- docs/probes.md describes the language of the programs.
-- @module lbpf

local compile = require "lbpf.compiler"
local condition = require "lbpf.trace.condition"
local expand = require "lbpf.trace.expand"
local lbpf = require "lbpf.core"
local run = require "lbpf.run"
local sections = require "lbpf.trace.sections"
local show = require "lbpf.trace.show"
local spec = require "lbpf.trace.spec"
local text = require "lbpf.text"

-- The kinds of handlers that programs in Lua can have, see lbpf.handlers.
local HANDLERS = {"perf_event", "xdp", "tc", "cgroup", "uprobe", "usdt"}

-- Options that are not for compile().
local OPTIONS = {out = "function", pid = "number", cgroup = "string", uprobe_pid = "number",
  numbers = "boolean"}

local tracer = {}
tracer.__index = tracer

-- Making one -----------------------------------------------------------------------------------

local function split_options(opts)
  local own, others = {}, {}
  for name, value in pairs(opts or {}) do
    if not OPTIONS[name] then
      others[name] = value
    elseif type(value) ~= OPTIONS[name] then
      error(("option '%s' must be a %s, not %s"):format(name, OPTIONS[name], type(value)), 3)
    else
      own[name] = value
    end
  end
  return own, others
end

local unfiltered = {BEGIN = true, END = true}

local function filter(list, test)
  for _, pair in ipairs(list) do
    local program = pair[2]
    if test ~= "" and not unfiltered[pair[1]] and not pair[1]:match("^interval/") then
      if type(program) == "function" then
        error("options 'pid' and 'cgroup' are for programs that are given as text", 3)
      end
      program = type(program) == "table" and program or {text = program, name = pair[1]}
      pair[2] = {text = test .. "\n" .. program.text, name = program.name,
        line = (program.line or 1) - 1}
    end
  end
end

-- Opens the object with handlers for the sections that libbpf does not know; the object keeps them.
local function open(bytes)
  local ids = {}
  local function register(list)
    for _, d in ipairs(list) do
      ids[#ids + 1] = assert(lbpf.register_prog_handler(d.sec, d.prog_type,
        d.expected_attach_type, {prog_setup_fn = d.prog_setup_fn,
          prog_prepare_load_fn = d.prog_prepare_load_fn, prog_attach_fn = d.prog_attach_fn}))
    end
  end
  register(sections)
  for _, kind in ipairs(HANDLERS) do
    register(require("lbpf.handlers." .. kind))
  end
  local object, message, errno, log = lbpf.open_mem(bytes)
  for _, id in ipairs(ids) do
    lbpf.unregister_prog_handler(id)
  end
  return object, message, errno, log
end

local function strict_names(tracing, maps)
  local names = {}
  for _, map in ipairs(tracing.plan.maps) do
    names[#names + 1] = map.name
    maps[map.name] = tracing.object.maps[map.map]
  end
  return setmetatable(maps, {__index = function(_, name)
    error(("there is no map '%s'; there are: %s"):format(tostring(name),
      table.concat(names, ", ")), 2)
  end})
end

-- Events -----------------------------------------------------------------------------------------

-- The value as a Lua number if that is exact, so that %d and tables accept it.
local function plain(value)
  if type(value) == "cdata" then
    local number = tonumber(value)
    return number > -2 ^ 53 and number < 2 ^ 53 and number or value
  end
  return value
end

-- Lines are written once they are whole.
local function print_format(self, event, values)
  local lines = (self.unfinished or "") .. show.format(event, values, self)
  local rest = 1
  for line, next in lines:gmatch("([^\n]*)\n()") do
    self.out(line)
    rest = next
  end
  self.unfinished = lines:sub(rest)
end

local function print_line(self, event, values)
  local cells = {}
  for i = 1, #event.fields do
    local name = event.kind == "emit" and event.fields[i] .. "=" or ""
    cells[i] = name .. show.value(values[i], event.show[i], self)
  end
  local title = event.kind == "emit" and event.name .. ": " or ""
  self.out(title .. table.concat(cells, event.kind == "emit" and " " or "\t"))
end

local unpack = table.unpack or unpack -- luacheck: globals unpack

-- What programs ask of the tracer.
local requests = {}

function requests.exit(self)
  self.ended = true
end

function requests.show(self, event)
  local handler = self.handlers.show
  if handler then
    handler(event.map)
  else
    self:show(event.map)
  end
end

function requests.clear(self, event)
  assert(self.maps[event.map]:clear())
end

-- The fields of an event by name: numbers, strings and booleans; addresses and the like as text.
local function row_of(self, event, values)
  local row = {}
  for i, name in ipairs(event.fields) do
    local how = event.show[i]
    if values[i] ~= nil and how and how ~= "bool" and how ~= "bytes" then
      row[name] = show.value(values[i], how, self)
    else
      row[name] = values[i]
    end
  end
  return row
end

local function receive(self, type, ...)
  local event, values = self.by_type[type], {...}
  local n = #event.fields
  if requests[event.kind] then
    return requests[event.kind](self, event)
  end
  for i, member in ipairs(event.flags) do
    if values[n + i] == 0 then
      values[member] = nil
    end
  end
  for i = 1, n do
    values[i] = plain(values[i])
    if event.show[i] == "bool" and values[i] ~= nil then
      values[i] = values[i] ~= 0
    elseif show.raw[event.show[i]] then
      values[i] = show.bytes(values[i])
    end
  end
  local handler = self.handlers[event.name]
  if handler then
    handler(unpack(values, 1, n))
  elseif self.row_handler and event.kind == "emit" then
    self.row_handler(event.name, row_of(self, event, values))
  elseif event.format then
    print_format(self, event, values)
  else
    print_line(self, event, values)
  end
end

-- The struct of an event by the number that it begins with.
local function type_of(bytes)
  local a, b = bytes:byte(1, 2)
  return "event_" .. a + 256 * b
end

local function open_ring(self)
  local fields = {}
  for _, event in ipairs(self.plan.events) do
    local list = {}
    for i, name in ipairs(event.fields) do
      list[i] = name
    end
    event.flags = {}
    for i = 1, #event.fields do
      if event.present[i] then
        event.flags[#event.flags + 1] = i
        list[#list + 1] = event.present[i]
      end
    end
    if #list == 0 then
      list[1] = "id"
    end
    fields[event.type], self.by_type[event.type] = list, event
  end
  local exact = math.type ~= nil or jit ~= nil -- luacheck: globals jit
  return lbpf.ring_buffer(self.object.maps[self.plan.ring], function(...)
    receive(self, ...)
  end, {type = type_of, fields = fields, numbers = not exact})
end

-- Running ----------------------------------------------------------------------------------------

-- Runs a program here, in this process.
local function run_program(self, section)
  for _, program in ipairs(self.plan.programs) do
    if program.section == section then
      assert(self.object.progs[program.name]:test_run({}))
    end
  end
end

-- A uprobe that is for one process alone: others then have none in their copies of the file.
local function attach_uprobe(self, prog, section)
  local kind, path, name, offset = section:match "^(u%a*probe)/([^:]+):([%a_.@][%w_.@]*)%+?(%w*)$"
  if not self.uprobe_pid or not kind or kind == "uretprobe" and offset ~= "" then
    return prog:attach()
  end
  return prog:attach_uprobe(self.uprobe_pid, path, tonumber(offset),
    {func_name = name, retprobe = kind == "uretprobe"})
end

local function attach(self)
  for _, program in ipairs(self.plan.programs) do
    local links, message, errno, log = attach_uprobe(self, self.object.progs[program.name],
      program.section)
    if not links then
      return nil, ("attach '%s': %s"):format(program.spec, message), errno, log
    end
  end
  return true
end

local function start(self)
  local loaded, message, errno, log = self.object:load()
  if not loaded then
    return nil, message, errno, log
  end
  self.maps = strict_names(self, {})
  self.views, self.by_name = {}, {}
  for i, map in ipairs(self.plan.maps) do
    self.views[map.name] = self.object.maps[map.map]:view({numbers = true})
    self.by_name[i] = map
  end
  table.sort(self.by_name, function(x, y) return x.name < y.name end)
  if self.plan.stacks then
    self.stacks = self.object.maps[self.plan.stacks]
  end
  if self.plan.ring then
    self.ring = assert(open_ring(self))
  end
  run_program(self, "BEGIN")
  for _, program in ipairs(self.plan.programs) do
    if program.section:match("^interval/") then
      local prog = self.object.progs[program.name]
      table.insert(self.timers, {seconds = spec.interval(program.section), fn = function()
        assert(prog:test_run({}))
      end})
    end
  end
  return attach(self)
end

--- Compiles programs, loads them and attaches them.
-- @function trace
-- @tparam table programs spec = a function or its text, or a list of such pairs; a spec is a SEC()
-- name or bpftrace's, "tracepoint:sched:sched_switch", "interval:1s", "BEGIN"
-- @tparam ?table opts those of `compile`; and `out`: a function that gets each line, instead of
-- standard output; `pid`, as /proc has it here, and `cgroup`, a path: only for that, of programs
-- that are given as text; `uprobe_pid`: uprobes are attached to this process alone, as with `pid`
-- @treturn tracer
-- @treturn[2] nil
-- @treturn[2] string message: with the place in the program, if the compiler or the verifier
-- refuses it; and the error number and libbpf's log, if it is not the compiler that does
-- @raise for a program that is neither a function nor a string, and for unknown options
-- @usage local tracer = assert(lbpf.trace {
--   ["tracepoint:syscalls:sys_enter_nanosleep"] = [[ count("naps", comm) ]],
-- })
-- lbpf.run {tracer, seconds = 0.05}
-- tracer:show()
-- tracer:close()
local function trace(programs, opts)
  if type(programs) ~= "table" then
    error(("bad argument #1 to 'trace' (table expected, got %s)"):format(type(programs)), 2)
  end
  local own, others = split_options(opts)
  local list = expand(programs)
  local test, message = condition(own)
  if not test then
    return nil, message
  end
  filter(list, test)
  others.portable = others.portable or false -- it runs here, and so needs fewer of the types
  local bytes, plan = compile(list, others)
  if not bytes then
    return nil, plan
  end
  local object, errno, log
  object, message, errno, log = open(bytes)
  if not object then
    return nil, message, errno, log
  end
  local self = setmetatable({object = object, plan = plan, handlers = {}, by_type = {}, timers = {},
    pid = own.pid, uprobe_pid = own.uprobe_pid or own.pid, out = own.out or print}, tracer)
  local ok
  ok, message, errno, log = start(self)
  if not ok then
    object:close()
    return nil, message, errno, log
  end
  return self
end

--- Sets the function for the events of a name: those of emit("name", ...), or "print".
-- @function tracer:on
-- @tparam string name
-- @tparam function fn called with the values
-- @treturn tracer itself
-- @raise if no program emits such events
function tracer:on(name, fn)
  for _, event in ipairs(self.plan.events) do
    if event.name == name then
      self.handlers[name] = fn
      return self
    end
  end
  error(("no program emits '%s'"):format(tostring(name)), 2)
end

--- Sets the function for the events of emit() that have none of their own: as tables.
-- @function tracer:on_row
-- @tparam function fn called with the event's name, and a table of its values by field; addresses,
-- symbols and the like are text
-- @treturn tracer itself
-- @usage local tracer = assert(lbpf.trace {BEGIN = [[ emit("start", {pid = pid, comm = comm}) ]]})
-- tracer:on_row(function(name, row) print(name, row.pid, row.comm) end)
-- tracer:consume()
-- tracer:close()
function tracer:on_row(fn)
  self.row_handler = fn
  return self
end

--- The descriptor to wait on, see `run`.
-- @function tracer:epoll_fd
-- @treturn ?integer nil if no program has events
function tracer:epoll_fd()
  return self.ring and self.ring:epoll_fd()
end

--- Delivers the events that have arrived.
-- @function tracer:consume
-- @treturn integer how many events; false once a program has called exit()
-- @raise whatever a handler raises
-- @usage local tracer = assert(lbpf.trace {BEGIN = [[ print("hello") ]]})
-- print(tracer:epoll_fd()) -- for an event loop, which then calls
-- tracer:consume()         -- does not wait
-- tracer:stop():close()
function tracer:consume()
  local n = self.ring and assert(self.ring:consume()) or 0
  return not self.ended and n
end

--- Ends `tracer:run`, or another loop that has this tracer, as exit() in a program does.
-- @function tracer:stop
-- @treturn tracer itself
function tracer:stop()
  self.ended = true
  return self
end

--- What programs could not do, and how often: events that were lost, maps that were full, and
-- errors that Lua would have raised.
-- @function tracer:problems
-- @treturn table a list of {place, message, count}
function tracer:problems()
  local list = {}
  for i, problem in ipairs(self.plan.problems) do
    local count = 0
    for _, n in ipairs(self.object.maps.problems:lookup(i - 1)) do
      count = count + tonumber(n)
    end
    if count > 0 then
      list[#list + 1] = {place = problem.place, message = problem.message, count = count}
    end
  end
  return list
end

--- The entries of a map, sorted by value, the greatest last.
-- @function tracer:rows
-- @tparam string name of the map
-- @treturn table a list of tables: `keys`, a list of values; `text`, the keys as text;
-- and `value`: of "stats" a table, of histograms bucket = count
-- @raise if there is no such map
function tracer:rows(name)
  for _, map in ipairs(self.plan.maps) do
    if map.name == name then
      return show.rows(map, self)
    end
  end
  return self.maps[name]
end

--- Writes the contents of the maps, in the order of their names, and the problems: to standard
-- output, or to option `out`.
-- @function tracer:show
-- @tparam ?string name of one map; nil: all
-- @treturn tracer itself
function tracer:show(name)
  for _, map in ipairs(self.by_name) do
    local lines = (not name or map.name == name) and show.map(map, self)
    if lines then
      self.out(lines .. "\n")
    end
  end
  for _, problem in ipairs(name and {} or self:problems()) do
    self.out(("%s: %s (%s)"):format(problem.place, problem.message, text.show(problem.count)))
  end
  return self
end

--- Waits for events as `run` does, until something ends it; then runs the END programs.
-- @function tracer:run
-- @tparam ?table what options of `run`
-- @treturn string why it ended; "stop" after exit()
-- @raise whatever a function raised
-- @usage local tracer = assert(lbpf.trace {
--   ["tracepoint:syscalls:sys_enter_nanosleep"] = [[ count("naps", comm) ]],
--   ["interval:10ms"] = [[ emit("tick", {cpu = cpu}) ]],
-- })
-- tracer:on("tick", function(cpu) print(cpu) end)
-- tracer:run {seconds = 0.05}
-- tracer:detach():show() -- the programs run no longer; maps keep what they have
-- for _, row in ipairs(tracer:rows("naps")) do print(row.key, row.value) end
-- for _, problem in ipairs(tracer:problems()) do print(problem.place, problem.message) end
-- tracer:close()
function tracer:run(what)
  local all = {self}
  for key, value in pairs(what or {}) do
    if type(key) == "number" then
      all[#all + 1] = value
    else
      all[key] = value
    end
  end
  local why = run(all)
  run_program(self, "END")
  self:consume()
  if self.unfinished and self.unfinished ~= "" then
    self.out(self.unfinished)
    self.unfinished = ""
  end
  return why
end

--- Detaches the programs: maps keep what they have. END can still run.
-- @function tracer:detach
-- @treturn tracer itself
function tracer:detach()
  for _, program in ipairs(self.plan.programs) do
    local links = rawget(self.object.links, program.name)
    if type(links) == "table" then
      for _, link in ipairs(links) do
        link:destroy()
      end
    elseif links then
      links:destroy()
    end
  end
  return self
end

--- Detaches and unloads the programs. A second call has no effect.
-- @function tracer:close
-- @treturn boolean true
function tracer:close()
  if self.ring then
    self.ring:close()
    self.ring = nil
  end
  return self.object:close()
end

tracer.__close = tracer.close

return trace
