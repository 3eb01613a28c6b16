-- Names of sections, types and maps, as scripts and files give them.
local lbpf = require "lbpf.core"

local file = assert(io.open("build/bpf/handlers.bpf.o", "rb"))
local image = file:read "*a"
file:close()

return function(data)
  pcall(lbpf.prog_type_by_name, data)
  pcall(lbpf.attach_type_by_name, data)
  local ok, id = pcall(lbpf.register_prog_handler, data, "xdp", nil,
    {prog_setup_fn = function() end})
  -- the section "custom/something" gets as much of the name as fits
  local at = image:find("custom/something", 1, true)
  local name = data:gsub("%z", "x"):sub(1, 16)
  local object = lbpf.open_mem(image:sub(1, at - 1) .. name .. image:sub(at + #name))
  if object then
    object:close()
  end
  if ok and id then
    lbpf.unregister_prog_handler(id)
  end
end
