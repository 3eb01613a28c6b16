-- The reference, from what LDoc read in the comments: `ldoc --filter docs.site.reference.write .`
-- writes the site's pages and the annotations for editors, into build/.
local annotations = require "docs.site.annotations"
local markdown = require "docs.site.markdown"

local reference = {}

-- "map:lookup", "lbpf.open": what a script writes. LDoc has functions of a module without its name.
local function full_name(module, name)
  if name:find(":", 1, true) or name:sub(1, #module.name) == module.name then
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
  return {optional = text:sub(1, 1) == "?" or nil, (text:gsub("^%?", ""))}
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

-- The page that a name belongs to, made when it is the first.
local function page_of(pages, module, name)
  local owner = owner_of(module, name)
  local page = pages.by_name[owner]
  if not page then
    page = {name = owner, groups = {}}
    pages.by_name[owner] = page
    pages[#pages + 1] = page
  end
  return page
end

-- The group of functions, from one file, that a page has under a heading.
local function group_of(page, module, item)
  local title = item.section ~= "function" and item.section ~= "field" and item.section or nil
  local group = page.groups[#page.groups]
  if not group or group.title ~= title then
    group = {title = title}
    for _, section in ipairs(module.sections or {}) do
      if section.display_name == title then
        group.text = dedent(section.description)
      end
    end
    page.groups[#page.groups + 1] = group
  end
  return group
end

local function add(pages, module, item)
  local group = group_of(page_of(pages, module, item.name), module, item)
  group[#group + 1] = {
    name = full_name(module, item.name), is_field = item.type == "field", text = text_of(item),
    arguments = arguments_of(item), returns = returns_of(item), raises = item.tags.raise,
    examples = item.usage or {},
  }
end

-- All that is documented, as pages: {name, text, groups = {{title, text, function ...} ...}}.
local function read(modules)
  local pages = {by_name = {}}
  for _, module in ipairs(modules) do
    for _, item in ipairs(module.items) do
      add(pages, module, item)
    end
    local page = pages.by_name[module.name]
    if page then
      page.text = text_of(module)
    end
  end
  table.sort(pages, function(a, b) return a.name < b.name end)
  return pages
end

function reference.write(modules)
  local pages = read(modules)
  markdown.write(pages)
  annotations.write(pages)
end

return reference
