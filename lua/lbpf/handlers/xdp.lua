-- SEC("xdp/eth0"): an XDP program attached to that interface. SEC("xdp/devmap") and
-- SEC("xdp/cpumap") stay libbpf's: such programs run from maps.

local from_maps = {devmap = "xdp_devmap", cpumap = "xdp_cpumap"}

local function interface(prog)
  return prog:section_name():sub(#"xdp/" + 1)
end

return {
  {
    sec = "xdp/",
    prog_type = "xdp",
    expected_attach_type = "xdp",
    prog_setup_fn = function(prog)
      local attach_type = from_maps[interface(prog)]
      if attach_type then
        prog:set_expected_attach_type(attach_type)
      end
    end,
    prog_attach_fn = function(prog)
      if not from_maps[interface(prog)] then
        return prog:attach_xdp(interface(prog))
      end
    end,
  },
}
