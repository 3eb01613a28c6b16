--- The whole of libbpf, from Lua.
--
-- What `require "lbpf"` returns: the functions of the C core, and those that are written in Lua.
-- @module lbpf

require "lbpf.per_cpu"
if jit and jit.status() and pcall(require, "ffi") then
  require "lbpf.jit"
end

local lbpf = require "lbpf.core"

--- lbpf's version, as a string. The rock and the Debian package have it from here.
-- @usage print(lbpf._VERSION, lbpf.version_string()) -- lbpf's and libbpf's
lbpf._VERSION = "0.1.0"

if not package.loaded["lbpf.jit"] then
  lbpf.set_maker(require "lbpf.later" "lbpf.maker")
end

lbpf.set_layout_reader(function(...) return require "lbpf.layout.option"(...) end)

-- Modules that not every script needs are loaded on first use: by name, and those of symbols. A
-- script that gives up the right to read its files mentions what it needs beforehand.
local modules = {
  compile = "lbpf.compile", handlers = "lbpf.handlers", layout = "lbpf.layout", run = "lbpf.run",
  trace = "lbpf.trace",
}
local symbols = {
  forget_processes = true, frames = true, fsym = true, ksym = true, uline = true,
  use_debuginfod = true, usym = true, watch_process = true,
}

setmetatable(lbpf, {
  __index = function(self, name)
    if modules[name] then
      self[name] = require(modules[name])
    elseif symbols[name] then
      self[name] = require("lbpf.symbols")[name]
    end
    return rawget(self, name)
  end,
})

return lbpf
