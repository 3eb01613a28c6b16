--- Runs the tools of examples/tools.
local child = require "child"

local tools = {}
tools.__index = tools

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

--- Starts a tool, and returns once it is tracing. It writes CSV, unless the arguments say --json.
function tools.start(name, arguments)
  local self = setmetatable({out = os.tmpname(), err = os.tmpname()}, tools)
  arguments = arguments or ""
  if not arguments:find("--json", 1, true) then
    arguments = "--csv " .. arguments
  end
  self.pipe = assert(io.popen(("echo $$; exec timeout --foreground -s KILL 60 %s "
    .. "examples/tools/%s.lua %s >%s 2>%s"):format(os.getenv("LBPF_LUA"), name, arguments, self.out,
    self.err)))
  self.timeout = tonumber(self.pipe:read("*l"))
  child.wait_until(function()
    return read(self.out) ~= "" or read(self.err) ~= ""
  end)
  return self
end

--- What it has written so far.
function tools:written()
  return read(self.out)
end

--- Has it end by SIGINT, which timeout passes on. Returns what it wrote: standard output, and
--- standard error.
function tools:stop()
  child.output(("kill -INT %d"):format(self.timeout))
  self.pipe:read("*a")
  self.pipe:close()
  local out, err = read(self.out), read(self.err)
  os.remove(self.out)
  os.remove(self.err)
  return out, err
end

-- The cells of a line of CSV.
local function cells_of(line)
  local cells = {}
  for cell in (line .. ","):gmatch('("?[^,]*"?),') do
    cells[#cells + 1] = cell
  end
  return cells
end

--- The rows of CSV in which the column has that value, as tables by the columns' names.
function tools.rows(text, column, value)
  local head, rows = nil, {}
  for line in text:gmatch("[^\n]+") do
    local cells = cells_of(line)
    if not head then
      head = cells
    else
      local row = {}
      for i, name in ipairs(head) do
        row[name] = cells[i]
      end
      if row[column] == tostring(value) then
        rows[#rows + 1] = row
      end
    end
  end
  return rows
end

--- What a tool writes of a shell's commands, in rows where the column has that value.
function tools.watch(name, arguments, commands, column, value)
  local tool = tools.start(name, arguments)
  child.output("unset LD_PRELOAD; " .. commands)
  child.output("sleep 0.2")
  local out, err = tool:stop()
  return tools.rows(out, column, value), out, err
end

return tools
