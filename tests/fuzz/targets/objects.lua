-- Object files.
local lbpf = require "lbpf.core"

return function(data)
  local object = lbpf.open_mem(data)
  if object then
    for prog in object:each_program() do
      prog:section_name()
    end
    for map in object:each_map() do
      map:types()
    end
    object:close()
  end
end
