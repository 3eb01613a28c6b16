--- The examples in the reference: `@usage` in the comments of functions, of groups of functions
--- (`@section`) and of modules.
--
-- Those that need more of the machine than root, BTF and tracefs say so: `@needs kprobes, clang`.
local child = require "child"
local pages = require "pages"

local examples = {}

-- The public comments of a file in C.
local function comments_in_c(path)
  local list = {}
  for comment in pages.read(path):gmatch("/%*%*%*(.-)%*/") do
    list[#list + 1] = comment
  end
  return list
end

-- The same of a file in Lua, without the marks that begin lines.
local function comments_in_lua(path)
  local list, open = {}, false
  for line in io.lines(path) do
    local text = line:match(open and "^%-%-+ ?(.*)" or "^%-%-%-[ ]?(.*)")
    if text and open then
      list[#list] = list[#list] .. text .. "\n"
    elseif text then
      list[#list + 1] = text .. "\n"
    end
    open = text ~= nil
  end
  return list
end

-- What a comment is about.
local function name_of(comment)
  return comment:match("@function ([%w_:.]+)") or comment:match("@section ([%w_]+)")
    or comment:match("@%a*mod[ule]* ([%w_.]+)")
end

local function needs_of(comment)
  local list = {}
  for need in (comment:match("\n@needs ([^\n]*)") or ""):gmatch("[^,]+") do
    list[#list + 1] = need:match("^%s*(.-)%s*$")
  end
  return list
end

--- All of them, as {name, path, source, needs}.
function examples.all()
  local list = {}
  for _, path in ipairs(child.lines("ls core/*/*.c; find lua -name '*.lua' | sort")) do
    for _, comment in ipairs((path:find("%.c$") and comments_in_c or comments_in_lua)(path)) do
      local source = (comment .. "\n@"):match("\n@usage (.-)\n@")
      if source then
        list[#list + 1] = {
          name = name_of(comment), path = path, source = source, needs = needs_of(comment),
        }
      end
    end
  end
  return list
end

return examples
