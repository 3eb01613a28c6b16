-- Types of loaded modules: each module's BTF, on top of the kernel's.
local kernel = require "lbpf.compiler.kernel"
local lbpf = require "lbpf.core"

local modules = {}

local list, base

-- The modules as kernel objects, read once for the kernel's types. Without root there are none.
local function all()
  if list and base == kernel.running() then
    return list
  end
  list, base = {}, kernel.running()
  local names = {}
  pcall(function()
    for info in lbpf.btfs() do
      if info.kernel_btf and info.name ~= "vmlinux" then
        names[#names + 1] = info.name
      end
    end
  end)
  for _, name in ipairs(names) do
    local btf = base and lbpf.btf_load_module_btf(name, base.btf)
    list[#list + 1] = btf and kernel.new(btf, name, base.btf:type_cnt()) or nil
  end
  return list
end

--- The first of the kernel's own types and the modules' that has a name of that kind.
-- @param own the kernel's
-- @param name
-- @param kind "func", "typedef" ...
-- @return it, or nil
function modules.having(own, name, kind)
  if own:find(name, kind) then
    return own
  end
  for _, module in ipairs(own == kernel.running() and all() or {}) do
    if module:find(name, kind) then
      return module
    end
  end
end

return modules
