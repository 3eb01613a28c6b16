-- Functions of the running script as sources: their text, found by debug.getinfo, and upvalues.
local parser = require "lbpf.compiler.parser"
local source = require "lbpf.compiler.source"

local script = {}

local function read_lines(info)
  local text = info.source
  if text:sub(1, 1) == "@" then
    local f = io.open(text:sub(2), "rb")
    text = f and f:read "*a"
    if f then
      f:close()
    end
  elseif text:sub(1, 1) == "=" then
    text = nil
  end
  return text
end

-- From the line with the function's first word to that with its last.
local function cut(text, first, last)
  local at, line = 1, 1
  while line < first do
    at = (text:find("\n", at, true) or #text) + 1
    line = line + 1
  end
  local stop = at - 1
  while line <= last do
    stop = text:find("\n", stop + 1, true) or #text
    line = line + 1
  end
  return text:sub(at, stop)
end

local function upvalues_of(fn)
  local upvalues, i = {}, 1
  while true do
    local name, value = debug.getupvalue(fn, i)
    if not name then
      return upvalues
    elseif name ~= "_ENV" then
      upvalues[name] = {value = value}
    end
    i = i + 1
  end
end

-- The functions that begin in the first line of the text and end in its last.
local function candidates(src, last)
  local found, problem = {}, nil
  local first_line = src.text:match "^[^\n]*"
  for at in first_line:gmatch "()%f[%w_]function%f[^%w_]" do
    local ok, fn, stop = pcall(parser.function_at, src, at)
    if not ok and not source.message(fn) then
      error(fn, 0)
    elseif not ok then
      problem = problem or fn
    elseif (src:locate(stop - 1)) == last then
      found[#found + 1] = fn
    end
  end
  return found, problem
end

--- The syntax tree of a function, and its upvalues: tables with `value`, by name.
-- @param fn
-- @param node where it is used, for errors; nil: a probe
function script.of_function(fn, node)
  local function fail(...)
    if node then
      source.fail_at(node, ...)
    end
    source.fail_plainly(...)
  end
  local info = debug.getinfo(fn, "S")
  if info.what == "C" then
    fail "a function in C cannot become a BPF program"
  end
  local text = read_lines(info)
  if not text then
    fail("the text of this function cannot be read: %s; give it as a string", info.short_src)
  end
  local name = info.source:sub(1, 1) == "@" and info.source:sub(2) or info.short_src
  local src = source.new(name, cut(text, info.linedefined, info.lastlinedefined), info.linedefined)
  local found, problem = candidates(src, info.lastlinedefined)
  if #found == 0 and problem then
    error(problem, 0)
  elseif #found ~= 1 then
    fail("%s:%d: %s; a probe's function begins on a line of its own", name, info.linedefined,
      #found == 0 and "the file has changed since it was loaded" or "several functions in one line")
  end
  return found[1], upvalues_of(fn)
end

return script
