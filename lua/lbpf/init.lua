--- The whole of libbpf, from Lua.
--
-- What `require "lbpf"` returns: the functions of the C core, and those that are written in Lua.
-- @module lbpf

require "lbpf.per_cpu"
if jit and jit.status() and pcall(require, "ffi") then
  require "lbpf.jit"
end

local lbpf = require "lbpf.core"

for name, fn in pairs(require "lbpf.symbols") do
  lbpf[name] = fn
end
lbpf.handlers = require "lbpf.handlers"
lbpf.run = require "lbpf.run"
lbpf.set_layout_reader(function(...) return require "lbpf.layout.option"(...) end)

-- Large modules that not every script needs are loaded on first use.
local later = {compile = "lbpf.compile", layout = "lbpf.layout", trace = "lbpf.trace"}

setmetatable(lbpf, {
  __index = function(self, name)
    if later[name] then
      self[name] = require(later[name])
      return self[name]
    end
  end,
})

return lbpf
