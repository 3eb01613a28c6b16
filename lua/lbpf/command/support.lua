-- What the subcommands of lbpf share.

local json = require "lbpf.json"

local support = {}

--- Ends the command with a message; a format and its values.
function support.fail(message, ...)
  error({message = select("#", ...) > 0 and message:format(...) or message}, 0)
end

--- A result, or the command ends with what went wrong.
function support.check(result, message)
  return result or support.fail("%s", message)
end

--- An encoder of JSON.
function support.json()
  return support.check(json.encoder())
end

--- Writes a list to standard output, a line each, or as JSON.
function support.list(list, as_json)
  if as_json then
    print(#list == 0 and "[]" or support.json()(list))
  elseif #list > 0 then
    print(table.concat(list, "\n"))
  end
end

--- What a file contains; nil, message, if it cannot be read.
function support.read(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local text
  text, message = file:read("*a")
  file:close()
  return text, message
end

--- Writes a file, or standard output if PATH is "-".
function support.write(path, text)
  if path == "-" then
    io.stdout:write(text)
    return
  end
  local file = support.check(io.open(path, "wb"))
  file:write(text)
  support.check(file:close())
end

--- The table of programs that a file of Lua returns.
function support.programs_of(path)
  local chunk = support.check(loadfile(path))
  local programs = chunk()
  if type(programs) ~= "table" then
    support.fail("%s: must return a table: SPEC = function or text", path)
  end
  return programs
end

return support
