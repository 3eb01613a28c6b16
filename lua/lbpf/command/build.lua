-- lbpf build FILE.bpf.c: compiles BPF programs in C.

local support = require "lbpf.command.support"

local build = {
  summary = "Compile BPF programs in C with clang.",
  description = "Compiles BPF programs in C with clang and the flags that are right here. A "
    .. "source that includes \"vmlinux.h\" gets one with those of the kernel's types that it "
    .. "names, unless there is one beside it.",
}

function build.declare(command)
  command:argument("file", "The source, FILE.bpf.c."):args("+")
  command:option("-o --output", "The object's file, \"-\" for standard output; else FILE.bpf.o.")
  command:option("--btf", "Take the types from this file, instead of the running kernel.")
    :argname("<file>")
  command:option("--clang", "The compiler."):default("clang")
  command:option("-D --define", "A macro, NAME or NAME=VALUE."):count("*"):argname("<macro>")
  command:option("-I --include", "A directory with headers."):count("*"):argname("<directory>")
  command:option("--cflags", "More flags for clang, with spaces between."):argname("<flags>")
end

local function flags(args)
  local list = {}
  for _, macro in ipairs(args.define) do
    list[#list + 1] = "-D" .. macro
  end
  for _, folder in ipairs(args.include) do
    list[#list + 1] = "-I" .. folder
  end
  for flag in (args.cflags or ""):gmatch("%S+") do
    list[#list + 1] = flag
  end
  return list
end

function build.run(args)
  local clang = require "lbpf.clang"
  if args.output and #args.file > 1 then
    support.fail("-o is for one file")
  end
  for _, path in ipairs(args.file) do
    local object, messages = clang.build(path, {clang = args.clang, cflags = flags(args),
      btf = args.btf})
    support.check(object, messages)
    io.stderr:write(messages)
    support.write(args.output or path:gsub("%.c$", "") .. ".o", object)
  end
  return 0
end

return build
