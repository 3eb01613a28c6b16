-- Annotations for editors, as lua-language-server reads them: a file for each module, classes in
-- lbpf.lua.
local annotations = {}

local DIR = "build/annotations/"

-- "integer", "table", "link": LDoc's types are those that an editor knows, but for these.
local TYPES = {int = "integer", bool = "boolean", func = "function"}

local function type_of(text)
  return (text:gsub("[%w_.]+", TYPES))
end

local function comment(text)
  return "--- " .. text:gsub("\n", "\n--- ") .. "\n"
end

local function one_line(text)
  return (text:gsub("%s+", " "))
end

-- The results of a call that succeeds, and of one that is refused: a place has the types of both.
local function results(fn)
  local list = {}
  for _, way in ipairs(fn.returns) do
    for i, result in ipairs(way) do
      local place = list[i] or {types = {}, text = result.text}
      list[i] = place
      local kind = type_of(result.type) .. (result.optional and "|nil" or "")
      if not place.types[kind] then
        place.types[kind] = true
        place.types[#place.types + 1] = kind
      end
    end
  end
  local first = fn.returns[1] or {}
  for i, place in ipairs(list) do
    place.type = table.concat(place.types, "|") .. (i > #first and "?" or "")
  end
  return list
end

local function put_function(out, fn, module)
  local prefix = "^" .. module:gsub("%.", "%%.") .. "([.:])"
  local name = fn.name:gsub(prefix, module:match("[%w_]+$") .. "%1")
  out("\n", comment(fn.text))
  if fn.is_field then
    out(name, " = \"\"\n")
    return
  end
  local names = {}
  for i, argument in ipairs(fn.arguments) do
    names[i] = argument.name
    out("---@param ", argument.name, argument.optional and "? " or " ", type_of(argument.type), " ",
      one_line(argument.text), "\n")
  end
  for _, result in ipairs(results(fn)) do
    out("---@return ", result.type, " # ", one_line(result.text), "\n")
  end
  out("function ", name, "(", table.concat(names, ", "), ") end\n")
end

local function put_page(out, page, module)
  out("\n---@class ", page.name, "\nlocal ", page.name:match("[%w_]+$"), " = {}\n")
  for _, group in ipairs(page.groups) do
    for _, fn in ipairs(group) do
      put_function(out, fn, module)
    end
  end
end

-- A module's file: its classes, then itself.
local function write_module(module, classes)
  local path = DIR .. module.name:gsub("%.", "/") .. ".lua"
  os.execute("mkdir -p " .. path:match("^(.*)/"))
  local file = assert(io.open(path, "w"))
  local function out(...) file:write(...) end
  out("---@meta ", module.name, "\n")
  for _, page in ipairs(classes) do
    put_page(out, page, module.name)
  end
  put_page(out, module, module.name)
  out("\nreturn ", module.name:match("[%w_]+$"), "\n")
  file:close()
  assert(loadfile(path))
end

--- Writes the files.
function annotations.write(pages)
  local classes, modules = {}, {}
  for _, page in ipairs(pages) do
    local list = page.name:find("^lbpf") and modules or classes
    list[#list + 1] = page
  end
  for _, module in ipairs(modules) do
    write_module(module, module.name == "lbpf" and classes or {})
  end
end

return annotations
