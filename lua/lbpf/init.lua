--- The whole of libbpf, from Lua.
--
-- What `require "lbpf"` returns: the functions of the C core. Comfort that is better written in
-- Lua belongs here.
-- @module lbpf

require "lbpf.per_cpu"

return require "lbpf.core"
