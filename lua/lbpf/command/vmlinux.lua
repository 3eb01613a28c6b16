-- lbpf vmlinux: writes the kernel's types as a header.

local support = require "lbpf.command.support"

local vmlinux = {
  summary = "Write vmlinux.h, the kernel's types in C.",
}

function vmlinux.declare(command)
  command:argument("file", "Whose types: an object, or /sys/kernel/btf/MODULE; else the running "
    .. "kernel's."):args("?")
  command:option("-o --output", "The header's file; else standard output."):default("-")
end

function vmlinux.run(args)
  local btf = support.check(require("lbpf.clang.types").load(args.file))
  local parts = {}
  support.check(btf:dump_c(function(text)
    parts[#parts + 1] = text
  end))
  support.write(args.output, table.concat(parts))
  return 0
end

return vmlinux
