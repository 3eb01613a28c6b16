-- The pages of the reference, in Markdown with Sphinx' directives: one for each class and module.
local markdown = {}

local DIR = "build/site/reference/"

-- The C functions behind each, "program:attach" = {"bpf_program__attach"}, from the list that
-- tests/check/api keeps.
local function c_functions()
  local list = {}
  for line in io.lines("docs/api.md") do
    local c, names, since = line:match("^| `([%w_]+)` | (.-) | (.-) | core/")
    for name in (names or ""):gmatch("`([%w_]+[.:][%w_]+)`") do
      list[name] = list[name] or {}
      local version = since ~= "" and " (libbpf " .. since .. ")" or ""
      table.insert(list[name], "`" .. c .. "`" .. version)
    end
  end
  return list
end

-- program:attach_kprobe(func_name[, opts])
local function signature(fn)
  if fn.is_field then
    return fn.name
  end
  local text, open = "", 0
  for i, argument in ipairs(fn.arguments) do
    local comma = i > 1 and ", " or ""
    if argument.optional then
      text, open = text .. "[" .. comma .. argument.name, open + 1
    else
      text = text .. comma .. argument.name
    end
  end
  return fn.name .. "(" .. text .. ("]"):rep(open) .. ")"
end

local function types(text)
  return "*" .. text:gsub("|", " or ") .. "*"
end

local function put_arguments(out, fn)
  for _, argument in ipairs(fn.arguments) do
    local optional = argument.optional and ", optional" or ""
    local text = argument.text ~= "" and ": " .. argument.text:gsub("\n", "\n  ") or ""
    out("- **", argument.name, "** (", types(argument.type), optional, ")", text, "\n")
  end
end

local function result(value)
  local text = value.type == "nil" and "`nil`" or types(value.type)
  if value.optional then
    text = text .. " or `nil`"
  end
  return value.text == "" and text or text .. ": " .. value.text:gsub("\n", " ")
end

local function put_returns(out, fn)
  for i, way in ipairs(fn.returns) do
    local list = {}
    for j, value in ipairs(way) do
      list[j] = result(value)
    end
    out(i == 1 and "\n**Returns** " or "\n**or** ", table.concat(list, "; "), "\n")
  end
end

local function put_examples(out, examples)
  for _, example in ipairs(examples) do
    local needs = example.needs and " (needs " .. example.needs .. ")" or ""
    out("\n**Example**", needs, "\n\n```lua\n", example.text, "\n```\n")
  end
end

local function put_function(out, fn, c)
  if c then
    out("```{index} ", table.concat(c, ", "):gsub("`", ""):gsub(" %b()", ""), "\n```\n\n")
  end
  out("````{lua-function} ", signature(fn), "\n\n", fn.text, "\n\n")
  put_arguments(out, fn)
  put_returns(out, fn)
  for _, text in ipairs(fn.raises or {}) do
    out("\n**Raises** ", text, "\n")
  end
  if c then
    out("\n**C** ", table.concat(c, ", "), "\n")
  end
  put_examples(out, fn.examples)
  out("````\n\n")
end

local function writer(path)
  local file = assert(io.open(path, "w"))
  return function(...) file:write(...) end, file
end

local function write_page(page, c)
  local out, file = writer(DIR .. page.name .. ".md")
  out("# ", page.name, "\n\n", page.text or "", "\n\n")
  put_examples(out, page.examples)
  for _, group in ipairs(page.groups) do
    if group.title then
      out("\n## ", group.title, "\n\n", group.text or "", "\n\n")
      put_examples(out, group.examples)
    end
    for _, fn in ipairs(group) do
      put_function(out, fn, c[fn.name])
    end
  end
  file:close()
end

--- Writes a page for each class and module, and the list of them.
function markdown.write(pages)
  local c = c_functions()
  local out, file = writer(DIR .. "index.md")
  out("# Reference\n\nA page for each class and module; the [index](genindex) has all names, ",
    "[libbpf's functions](../api.md) the names in C.\n\n```{toctree}\n")
  for _, page in ipairs(pages) do
    write_page(page, c)
    out(page.name, "\n")
  end
  out("```\n")
  file:close()
end

return markdown
