-- SEC("cgroup_skb/egress//sys/fs/cgroup/web"): a section that libbpf has for cgroups, with the
-- path of the cgroup that the program is attached to.

local lbpf = require "lbpf.core"

local sections = {
  "cgroup/dev", "cgroup/sysctl", "cgroup/getsockopt", "cgroup/setsockopt", "cgroup/sock_create",
  "cgroup/sock_release", "cgroup/post_bind4", "cgroup/post_bind6", "cgroup/bind4",
  "cgroup/bind6", "cgroup/connect4", "cgroup/connect6", "cgroup/sendmsg4", "cgroup/sendmsg6",
  "cgroup/recvmsg4", "cgroup/recvmsg6", "cgroup/getpeername4", "cgroup/getpeername6",
  "cgroup/getsockname4", "cgroup/getsockname6", "cgroup_skb/ingress", "cgroup_skb/egress",
  "sockops",
}

local definitions = {}
for i, section in ipairs(sections) do
  local prog_type, attach_type = lbpf.prog_type_by_name(section)
  definitions[i] = {
    sec = section .. "/",
    prog_type = prog_type,
    expected_attach_type = attach_type,
    prog_attach_fn = function(prog)
      return prog:attach_cgroup(prog:section_name():sub(#section + 2))
    end,
  }
end
return definitions
