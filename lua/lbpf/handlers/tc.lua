-- SEC("tc/ingress/eth0"), SEC("tc/egress/eth0"): a TC program attached to that interface: by a tcx
-- link where the kernel and libbpf have those, else by the clsact qdisc.
--
-- With clsact there is no link: the program stays until `lbpf.tc_detach`, as after `tc filter add`.
-- It takes priority 1 and the handle 1, and replaces what is there, so that the next start of the
-- same script takes its place.

local lbpf = require "lbpf.core"

local EEXIST, EINVAL, EOPNOTSUPP = 17, 22, 95

-- Attach types by number: libbpf before 1.3 has no names for them.
local TCX = {ingress = 46, egress = 47}

local function attach_clsact(prog, direction, interface)
  local hook = {ifindex = interface, attach_point = direction}
  local made, message, errno = lbpf.tc_hook_create(hook)
  if not made and errno ~= EEXIST then
    return nil, message, errno
  end
  local attached
  attached, message, errno = lbpf.tc_attach(hook, {
    prog_fd = prog, handle = 1, priority = 1, flags = lbpf.TC_F_REPLACE,
  })
  if not attached then
    return nil, message, errno
  end
end

local function definition(direction)
  local sec = "tc/" .. direction .. "/"
  return {
    sec = sec,
    prog_type = "sched_cls",
    expected_attach_type = TCX[direction],
    prog_attach_fn = function(prog)
      local interface = prog:section_name():sub(#sec + 1)
      local link, message, errno = prog:attach_tcx(interface)
      if link or errno ~= EOPNOTSUPP and errno ~= EINVAL then
        return link, message, errno
      end
      return attach_clsact(prog, direction, interface)
    end,
  }
end

return {definition("ingress"), definition("egress")}
