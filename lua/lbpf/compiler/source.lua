-- The text of a program, and errors that say where in it they are.
local source = {}
source.__index = source

-- compile() turns these errors into nil and a message; any other error is a bug of the compiler.
local compile_error = {}
compile_error.__index = compile_error
compile_error.__tostring = function(e) return e.message end

--- @param name of the file or the probe
--- @param text
--- @param line the number of the text's first line in its file
function source.new(name, text, line)
  return setmetatable({name = name, text = text, line = line or 1}, source)
end

--- The line and column of a position in the text, and where its line begins.
function source:locate(at)
  if not self.starts then
    self.starts = {1}
    for start in self.text:gmatch "\n()" do
      table.insert(self.starts, start)
    end
  end
  local low, high = 1, #self.starts
  while low < high do
    local middle = math.floor((low + high + 1) / 2)
    if self.starts[middle] <= at then
      low = middle
    else
      high = middle - 1
    end
  end
  return self.line + low - 1, at - self.starts[low] + 1, self.starts[low]
end

--- "file:line:column"
function source:place(at)
  return ("%s:%d:%d"):format(self.name, self:locate(at))
end

--- The text of the line of a position, without the space around it.
function source:line_text(at)
  local _, _, start = self:locate(at)
  return self.text:match("^[ \t]*([^\n]-)%s*\n", start) or self.text:match("^[ \t]*([^\n]-)%s*$",
    start)
end

--- Raises a compile error; the message is formatted.
function source:fail(at, message, ...)
  if select("#", ...) > 0 then
    message = message:format(...)
  end
  error(setmetatable({message = self:place(at) .. ": " .. message}, compile_error), 0)
end

--- Raises a compile error at a node of the syntax tree.
function source.fail_at(node, message, ...)
  node.source:fail(node.at, message, ...)
end

--- Raises a compile error without a place in the text: a probe's name, an option.
function source.fail_plainly(message, ...)
  error(setmetatable({message = message:format(...)}, compile_error), 0)
end

--- The message of a compile error; nil for other errors.
function source.message(e)
  return getmetatable(e) == compile_error and e.message or nil
end

return source
