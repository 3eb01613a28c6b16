-- Writes the running kernel's types as a C header, for BPF programs to include:
--
--   vmlinux.lua [FILE] >vmlinux.h
--
-- FILE has other types: a compiled BPF object, or /sys/kernel/btf/MODULE.

local lbpf = require "lbpf"

local function load(path)
  if not path then
    return lbpf.btf_load_vmlinux_btf()
  end
  local module = path:match("^/sys/kernel/btf/([^/]+)$")
  if module and module ~= "vmlinux" then
    return lbpf.btf_load_module_btf(module, assert(lbpf.btf_load_vmlinux_btf()))
  end
  return lbpf.btf_parse(path)
end

local btf = assert(load(arg[1]))
assert(btf:dump_c(function(text)
  io.write(text)
end))
