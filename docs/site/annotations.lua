-- Annotations for editors (LuaCATS), as lua-language-server reads them: a file for each module; the
-- classes of the C module are in lbpf.lua, as lbpf.object and so on. See `make annotations`.
local annotations = {}

-- LDoc's types, where editors have other names.
local TYPES = {int = "integer", bool = "boolean", func = "function", file = "file*"}

-- What a class has from another one.
local PARENTS = {
  map_view = "map", perf_buffer = "buffer", ring_buffer = "buffer",
}

-- What objects have besides methods.
local FIELDS = {
  ["lbpf.object"] = {
    {"progs", "table<string, lbpf.program>"}, {"maps", "table<string, lbpf.map>"},
    {"links", "table<string, lbpf.link|lbpf.links>"}, {"vars", "table<string, any>"},
  },
  ["lbpf.tracer"] = {
    {"object", "lbpf.object"}, {"maps", "table<string, lbpf.map>"}, {"plan", "table"},
  },
}

-- Functions of the module that take a descriptor, and are methods, too: prefix, then names.
local METHODS = {
  program = {"prog_", "bind_map", "test_run"},
  map = {"map_", "delete_batch", "freeze", "lookup_and_delete_batch", "lookup_batch",
    "update_batch"},
}

-- Modules that others have as a field.
local MODULES = {lbpf = {"handlers", "layout"}}

-- By their short names: "map" is "lbpf.map".
local class_names = {}

local function type_of(text)
  text = text:gsub("{([^{}]-),%.%.%.}", function(element)
    return element:find("|", 1, true) and "(" .. element .. ")[]" or element .. "[]"
  end)
  return (text:gsub("[%w_.]+", function(word)
    return TYPES[word] or class_names[word]
  end))
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
    place.type = table.concat(place.types, "|")
      .. (i > #first and not place.types["nil"] and "|nil" or "")
  end
  return list
end

-- A function under a name; its first argument may be the object.
local function put_function(out, fn, name, skip)
  out("\n", comment(fn.text))
  if fn.is_field then
    out(name, " = \"\"\n")
    return
  end
  local names = {}
  for i = (skip or 0) + 1, #fn.arguments do
    local argument = fn.arguments[i]
    names[#names + 1] = argument.name
    local optional = argument.optional and argument.name ~= "..." and "?" or ""
    out("---@param ", argument.name, optional, " ", type_of(argument.type), " ",
      one_line(argument.text), "\n")
  end
  for _, result in ipairs(results(fn)) do
    out("---@return ", result.type, " # ", one_line(result.text), "\n")
  end
  out("function ", name, "(", table.concat(names, ", "), ") end\n")
end

local function short(name)
  return name:match("[%w_]+$")
end

-- Begins a class, and calls FN with each function of the page.
local function put_class(out, full, page, fn)
  local parent = PARENTS[short(full)]
  out("\n---@class ", full, parent and " : lbpf." .. parent or "", "\n")
  for _, field in ipairs(FIELDS[full] or {}) do
    out("---@field ", field[1], " ", field[2], "\n")
  end
  out("local ", short(full), " = {}\n")
  for _, group in ipairs(page.groups) do
    for _, item in ipairs(group) do
      fn(item)
    end
  end
end

-- A module's own page. Functions of another class than its own are methods of what it returns.
local function put_module(out, module)
  local own, others = short(module.name), {}
  put_class(out, module.name, module, function(fn)
    local class, method = fn.name:match("^([%w_]+):([%w_]+)$")
    if class and class ~= own and not others[class] then
      others[class] = true
      out("\n---@class ", class_names[class], "\nlocal ", class, " = {}\n")
    end
    put_function(out, fn, method and class .. ":" .. method or own .. "." .. short(fn.name))
  end)
end

-- A module that is a function.
local function put_callable(out, module, fn)
  out("\nlocal ", short(module.name), "\n")
  put_function(out, fn, short(module.name))
end

-- By full name.
local function functions_of(pages)
  local list = {}
  for _, page in ipairs(pages) do
    for _, group in ipairs(page.groups) do
      for _, fn in ipairs(group) do
        list[fn.name] = fn
      end
    end
  end
  return list
end

-- A class of the C module: its methods, and functions that are methods, too.
local function put_page(out, page, functions)
  put_class(out, class_names[page.name], page, function(fn)
    put_function(out, fn, fn.name)
  end)
  local methods = METHODS[page.name] or {}
  for i = 2, #methods do
    local fn = functions["lbpf." .. methods[1] .. methods[i]]
    put_function(out, fn, page.name .. ":" .. methods[i], 1)
  end
end

-- A module's file: its classes, then itself.
local function write_module(dir, module, classes, functions)
  local path = dir .. "/" .. module.name:gsub("%.", "/") .. ".lua"
  os.execute("mkdir -p " .. path:match("^(.*)/"))
  local file = assert(io.open(path, "w"))
  local function out(...) file:write(...) end
  out("---@meta ", module.name, "\n")
  for _, page in ipairs(classes) do
    put_page(out, page, functions)
  end
  local only = #module.groups == 1 and #module.groups[1] == 1 and module.groups[1][1]
  if only and short(only.name) == short(module.name) then
    put_callable(out, module, only)
  else
    put_module(out, module)
    for _, name in ipairs(MODULES[module.name] or {}) do
      out("\n", short(module.name), ".", name, " = require \"", module.name, ".", name, "\"\n")
    end
  end
  out("\nreturn ", short(module.name), "\n")
  file:close()
  assert(loadfile(path))
end

--- Writes the files into a directory.
function annotations.write(dir, pages)
  local classes, modules = {}, {}
  class_names.metrics = "lbpf.prometheus.metrics"
  for _, page in ipairs(pages) do
    local is_module = page.name:find("^lbpf") ~= nil
    class_names[short(page.name)] = is_module and page.name or "lbpf." .. page.name
    local list = is_module and modules or classes
    list[#list + 1] = page
  end
  for _, name in ipairs {"lbpf", "text", "table", "names", "tool", "handlers", "layout"} do
    class_names[name] = nil -- modules, and no types of values
  end
  local functions = functions_of(pages)
  for _, module in ipairs(modules) do
    write_module(dir, module, module.name == "lbpf" and classes or {}, functions)
  end
end

return annotations
