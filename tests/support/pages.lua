--- The project's pages, whose blocks of code specs run: `pages.open "docs/start.md"`.
--
-- A block says its language. One of `text` is output, or what no machine reads. A spec takes each
-- other block of its page when it is loaded, and then tests that none is left.
local pages = {}
pages.__index = pages

function pages.read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- The blocks, as {line, language, source}. Those that are only indented have no language.
local function blocks_of(text)
  local list, block, indent, line, blank = {}, nil, nil, 0, true
  for row in text:gmatch("([^\n]*)\n") do
    line = line + 1
    local fence, language = row:match("^( *)```(%l*)")
    if block and fence then
      block.source = table.concat(block, "\n") .. "\n"
      block = nil
    elseif block then
      block[#block + 1] = row:gsub("^" .. indent, "")
    elseif fence or blank and row:find("^    %S") then
      list[#list + 1] = {line = line, language = language or "", source = row}
      block, indent = fence and list[#list], fence
    end
    blank = row == ""
  end
  return list
end

function pages.open(path)
  return setmetatable({path = path, blocks = blocks_of(pages.read(path))}, pages)
end

--- Takes the blocks of a language, those with that text if it is given.
function pages:take_all(language, text)
  local list = {}
  for _, block in ipairs(self.blocks) do
    if block.language == language and block.source:find(text or "", 1, true) then
      block.taken = true
      list[#list + 1] = block
    end
  end
  assert(#list > 0, self.path .. " has no such block of " .. language)
  return list
end

--- Takes the one block of a language with that text.
function pages:take(language, text)
  local list = self:take_all(language, text)
  assert(#list == 1, self.path .. " has several such blocks of " .. language)
  return list[1].source
end

--- Takes the block that begins with its file's name, in a comment.
function pages:file(name)
  for _, block in ipairs(self.blocks) do
    local first = block.source:match("^%p+ (%S+)")
    if first and first:gsub(":$", "") == name then
      block.taken = true
      return block.source
    end
  end
  error(self.path .. " has no block of " .. name)
end

--- Takes the blocks of shell commands, with that text if it is given; returns the commands, each
--- without its comment. A command goes on over lines while a quote is open.
function pages:commands(text)
  local list, open = {}, false
  for _, block in ipairs(self:take_all("sh", text)) do
    for row in block.source:gmatch("[^\n]+") do
      if open then
        list[#list] = list[#list] .. "\n" .. row
      elseif not row:find("^#") then
        list[#list + 1] = row:gsub(" +# .*", "")
      end
      open = select(2, (list[#list] or ""):gsub("'", "")) % 2 == 1
    end
  end
  return list
end

--- The blocks that no one has taken, and are not text: where they are.
function pages:left()
  local list = {}
  for _, block in ipairs(self.blocks) do
    if not block.taken and block.language ~= "text" then
      list[#list + 1] = ("%s:%d: %s"):format(self.path, block.line, block.source:match("[^\n]*"))
    end
  end
  return list
end

return pages
