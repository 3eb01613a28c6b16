-- SEC() names that tracers attach differently from libbpf.

-- Programs that are run from here, not attached.
local function nothing()
  return {}
end

local definitions = {}
for i, sec in ipairs({"BEGIN", "END", "interval/"}) do
  definitions[i] = {sec = sec, prog_type = "raw_tracepoint", prog_attach_fn = nothing}
end

-- libbpf before 1.3 attaches to symbols that cannot be traced, and fails; the method does not.
for sec, opts in pairs({["kprobe.multi/"] = {}, ["kretprobe.multi/"] = {retprobe = true}}) do
  definitions[#definitions + 1] = {
    sec = sec, prog_type = "kprobe", expected_attach_type = "trace_kprobe_multi",
    prog_attach_fn = function(prog)
      return prog:attach_kprobe_multi(prog:section_name():sub(#sec + 1), opts)
    end,
  }
end

return definitions
