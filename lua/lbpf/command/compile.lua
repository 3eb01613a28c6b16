-- lbpf compile FILE.lua: writes programs in Lua as a BPF object.

local support = require "lbpf.command.support"

local compile = {summary = "Compile programs in Lua to a BPF object."}

function compile.declare(command)
  command:argument("file", "Lua that returns a table: SEC() name = function or text.")
  command:option("--arch", "For this processor, instead of the one here.")
    :choices({"x86_64", "arm64"})
  command:option("--loops", "How loops end: may_goto needs Linux 6.9, bpf_loop 5.17; by default "
    .. "what is here.")
    :choices({"may_goto", "bpf_loop", "bounded"})
  command:option("-o --output", "The object's file; else FILE with .bpf.o for .lua.")
end

function compile.run(args)
  local lbpf = require "lbpf"
  local output = args.output or args.file:gsub("%.lua$", "") .. ".bpf.o"
  local programs = require("lbpf.trace.expand")(support.programs_of(args.file))
  support.write(output, support.check(lbpf.compile(programs, {arch = args.arch,
    loops = args.loops})))
  return 0
end

return compile
