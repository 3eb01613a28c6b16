--- The project's pages, whose examples specs run.
local pages = {}

function pages.read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

--- The page's block that begins with its file's name, in a comment.
function pages.block(path, name)
  local pattern = "\n```%l*\n(%p+ " .. name:gsub("%p", "%%%0") .. ".-)```"
  return pages.read(path):match(pattern) or error(path .. " has no block of " .. name)
end

return pages
