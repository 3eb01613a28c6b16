-- Section names that libbpf before 1.0 took for the longest of its own that they begin with:
-- SEC("xdp_drop") for xdp, SEC("classifier/web") for TC. The program gets that type, and
-- `object:attach()` passes it over: the script attaches it, with `prog:attach_xdp` and the like.

local lbpf = require "lbpf.core"

-- The name that stands for one which libbpf 1.0 dropped.
local renamed = {classifier = "tc"}

-- The types of the longest known name that a section begins with; nil if there is none.
local function types_of(section)
  for length = #section, 2, -1 do
    local name = section:sub(1, length)
    local prog_type, attach_type = lbpf.prog_type_by_name(renamed[name] or name)
    if prog_type and prog_type ~= "unspec" then
      return prog_type, attach_type
    end
  end
  return nil
end

return {
  {
    sec = nil,
    prog_setup_fn = function(prog)
      local prog_type, attach_type = types_of(prog:section_name())
      if prog_type then
        prog:set_type(prog_type)
        prog:set_expected_attach_type(attach_type)
      end
    end,
  },
}
