--- The whole of libbpf, from Lua.
--
-- What `require "lbpf"` returns: the functions of the C core. Comfort that is better written in
-- Lua belongs here.
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

return lbpf
