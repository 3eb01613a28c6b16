-- SEC() names of tracers that libbpf does not have: programs that are run from here, not attached.
local function nothing()
  return {}
end

local definitions = {}
for i, sec in ipairs({"BEGIN", "END", "interval/"}) do
  definitions[i] = {sec = sec, prog_type = "raw_tracepoint", prog_attach_fn = nothing}
end
return definitions
