-- What is linked: alone, and before and after a file of the tests.
local lbpf = require "lbpf.core"

local path = os.tmpname()

local function read(name)
  local file = assert(io.open("build/bpf/" .. name .. ".bpf.o", "rb"))
  local bytes = file:read "*a"
  file:close()
  return bytes
end

local main, other = read "link_main", read "link_other"

local function link(...)
  local linker = assert(lbpf.linker(path))
  local ok = true
  for i = 1, select("#", ...) do
    ok = ok and linker:add_buf((select(i, ...)))
  end
  if ok then
    linker:finalize()
  end
  linker:close()
end

return function(data)
  link(data)
  link(main, data)
  link(data, other)
  link(data, data)
end
