-- The reference, from what LDoc read in the comments: `ldoc --filter docs.site.reference.write .`
-- writes the site's pages.
local annotations = require "docs.site.annotations"
local markdown = require "docs.site.markdown"

local reference = {}

-- "map:lookup", "lbpf.open": what a script writes. LDoc has functions of a module without its name,
-- and methods of one that is a class with all of it.
local function full_name(module, name)
  if name:find(":", 1, true) then
    return name:match("[%w_]+:[%w_]+$")
  elseif name:sub(1, #module.name) == module.name then
    return name
  end
  return module.name .. "." .. name
end

-- Where it is documented: with its class, "map", or its module.
local function owner_of(module, name)
  return module.name == "lbpf" and name:match("^([%w_]+):") or module.name
end

local function trim(text)
  return ((text or ""):gsub("^%s+", ""):gsub("%s+$", ""))
end

-- LDoc leaves the space after the comment's mark.
local function dedent(text)
  return trim((text or ""):gsub("\n ", "\n"))
end

-- Text of a function: LDoc splits off the first sentence.
local function text_of(item)
  return trim(dedent(item.summary) .. "\n" .. dedent(item.description))
end

-- "?string|integer" is an optional argument of one of two types.
local function types_of(modifiers)
  local text = modifiers and modifiers.type or "any"
  return {optional = text:sub(1, 1) == "?" or nil, text:match("^%??(.+)$") or "any"}
end

local function arguments_of(item)
  local list = {}
  local modifiers = item.modifiers.param or {}
  for i, name in ipairs(item.params or {}) do
    local kind = types_of(rawget(modifiers, name)) -- LDoc's lists have methods, such as map
    list[i] = {
      name = name, type = kind[1], optional = kind.optional,
      text = dedent(rawget(item.params.map, name)),
    }
  end
  return list
end

-- Each way to return is a list of results.
local function returns_of(item)
  local ways = {}
  for i, group in ipairs(item.retgroups or {}) do
    ways[i] = {}
    for j, result in ipairs(group) do
      local kind = types_of(result)
      local text = dedent(result.text):gsub("  +", " ")
      ways[i][j] = {type = kind[1], optional = kind.optional, text = text}
    end
  end
  return ways
end

-- Code as it is in the comment: in Lua's, all lines begin with the space after the mark.
local function code(text)
  local all = true
  for line in text:gmatch("\n([^\n]+)") do
    all = all and line:find("^ ") ~= nil
  end
  return trim(all and text:gsub("\n ", "\n") or text)
end

-- The examples of a function, a section or a module: {text, needs}.
local function examples_of(item)
  local needs = item.tags.needs and trim(item.tags.needs[1])
  local list = {}
  for i, text in ipairs(item.usage or {}) do
    list[i] = {text = code(text), needs = needs}
  end
  return list
end

-- The page that a name belongs to, made when it is the first.
local function page_of(pages, module, name)
  local owner = owner_of(module, name)
  local page = pages.by_name[owner]
  if not page then
    page = {name = owner, groups = {}, examples = {}}
    pages.by_name[owner] = page
    pages[#pages + 1] = page
  end
  return page
end

-- The group of functions that a page has under a heading.
local function group_of(page, module, item)
  local title = item.section ~= "function" and item.section ~= "field" and item.section or nil
  local group = page.groups[title or 0]
  if not group then
    group = {title = title, examples = {}}
    for _, section in ipairs(module.sections or {}) do
      if section.display_name == title then
        group.text = group.text or dedent(section.description)
        for _, example in ipairs(examples_of(section)) do
          table.insert(group.examples, example)
        end
      end
    end
    page.groups[#page.groups + 1] = group
    page.groups[title or 0] = group
  end
  return group
end

-- The first file of config.ld is read twice.
local function add(pages, module, item)
  if pages.seen[item.name] == module then
    return
  end
  pages.seen[item.name] = module
  local group = group_of(page_of(pages, module, item.name), module, item)
  group[#group + 1] = {
    name = full_name(module, item.name), is_field = item.type == "field", text = text_of(item),
    arguments = arguments_of(item), returns = returns_of(item), raises = item.tags.raise,
    examples = examples_of(item),
  }
end

-- Does an example call the function? A comment calls nothing.
local function calls(example, fn)
  local name = fn.name:match("^lbpf%.[%w_]+$") or fn.name:match("[.:][%w_]+$")
  local pattern = name:gsub("^[.:]", "[.:]"):gsub("^lbpf%.", "%%f[%%w]lbpf%%.") .. "%f[^%w_]"
  return example.text:gsub("%-%-[^\n]*", ""):find(pattern) ~= nil
end

-- A section's examples are for the pages with a function that they call.
local function choose_examples(group)
  local chosen = {}
  for _, example in ipairs(group.examples) do
    for _, fn in ipairs(group) do
      if chosen[#chosen] ~= example and calls(example, fn) then
        chosen[#chosen + 1] = example
      end
    end
  end
  group.examples = chosen
end

-- All that is documented, as pages: {name, text, groups = {{title, text, function ...} ...}}.
local function read(modules)
  local pages = {by_name = {}, seen = {}}
  for _, module in ipairs(modules) do
    for _, item in ipairs(module.items) do
      add(pages, module, item)
    end
    local page = pages.by_name[module.name]
    if page then
      page.text, page.examples = text_of(module), examples_of(module)
    end
  end
  for _, page in ipairs(pages) do
    for _, group in ipairs(page.groups) do
      choose_examples(group)
    end
  end
  table.sort(pages, function(a, b) return a.name < b.name end)
  return pages
end

--- Writes the site's pages.
function reference.write(modules)
  markdown.write(read(modules))
end

--- Writes the annotations for editors, those that are shipped.
function reference.annotate(modules)
  annotations.write("annotations", read(modules))
end

-- All examples of a page.
local function examples_on(page)
  local list = {}
  local function take(examples)
    for _, example in ipairs(examples) do
      list[#list + 1] = example
    end
  end
  take(page.examples)
  for _, group in ipairs(page.groups) do
    take(group.examples)
    for _, fn in ipairs(group) do
      take(fn.examples)
    end
  end
  return list
end

local function is_shown(fn, examples)
  for _, example in ipairs(examples) do
    if calls(example, fn) then
      return true
    end
  end
  return false
end

--- Prints the examples' first lines, and the public names, each with whether an example of its page
-- shows it. Writes annotations, too, into build/annotations, for a comparison.
function reference.list(modules)
  local pages = read(modules)
  annotations.write("build/annotations", pages)
  for _, page in ipairs(pages) do
    local examples = examples_on(page)
    for _, example in ipairs(examples) do
      print("example\t" .. example.text:match("[^\n]*"))
    end
    for _, group in ipairs(page.groups) do
      for _, fn in ipairs(group) do
        print((is_shown(fn, examples) and "shown" or "missing") .. "\t" .. fn.name)
      end
    end
  end
end

return reference
