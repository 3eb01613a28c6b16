--- SEC() names that lbpf brings: what libbpf leaves to its users, as handlers for
-- `register_prog_handler`. Each kind is a page of Lua in lua/lbpf/handlers.
--
--     local lbpf = require "lbpf"
--     lbpf.handlers.register("every", "xdp")
--     local object = assert(lbpf.open("tool.bpf.o"))  -- SEC("every/10ms"), SEC("xdp/eth0")
--
-- | kind | SEC() |
-- |---|---|
-- | `perf_event` | `perf_event/cpu-clock,frequency=99`, `perf_event/type=1,config=0,frequency=99` |
-- | `every` | `every/10ms`: so often on each CPU |
-- | `syscall` | `syscall/openat`, `syscall.exit/openat` |
-- | `xdp` | `xdp/eth0` |
-- | `tc` | `tc/ingress/eth0`, `tc/egress/eth0` |
-- | `cgroup` | `cgroup_skb/egress//sys/fs/cgroup/web`, and so on |
-- | `first` | `first/kprobe/new_name\|kprobe/old_name`: the first that this kernel has |
-- | `uprobe` | `uprobe.multi/libc.so.6:str*`, `uretprobe.multi/libc.so.6:str*` |
-- | `usdt` | `usdt/libc.so.6:libc:*`, `usdt//usr/bin/x:provider:name,pid=123` |
-- | `legacy` | names that libbpf before 1.0 took: `xdp_drop`, `classifier/x` |
-- @module lbpf.handlers

local lbpf = require "lbpf.core"

local handlers = {}

-- In the order of registration: the last one takes what no other does.
local KINDS = {"perf_event", "every", "syscall", "xdp", "tc", "cgroup", "first", "uprobe",
  "usdt", "legacy"}

-- The definitions of a kind: a list of tables with sec, prog_type, expected_attach_type and the
-- options of register_prog_handler.
local function definitions(kind)
  for _, known in ipairs(KINDS) do
    if kind == known then
      return require("lbpf.handlers." .. kind)
    end
  end
  error(("no handlers '%s'; expected one of: %s"):format(tostring(kind),
    table.concat(KINDS, ", ")), 3)
end

--- Registers handlers that lbpf brings.
-- @function register
-- @tparam string ... their kinds: "every", "xdp"; without any, all of them
-- @treturn {integer,...} their ids, for `unregister`
-- @fails EBUSY if `kinds` has "legacy" and there is a generic handler already
-- @raise if there is no such kind
-- @usage lbpf.handlers.register("every", "xdp")
function handlers.register(...)
  local ids = {}
  local lists = {}
  for i, kind in ipairs(select("#", ...) > 0 and {...} or KINDS) do
    lists[i] = definitions(kind)
  end
  for _, list in ipairs(lists) do
    for _, definition in ipairs(list) do
      local id, message, errno = lbpf.register_prog_handler(definition.sec, definition.prog_type,
        definition.expected_attach_type, {
          prog_setup_fn = definition.prog_setup_fn,
          prog_prepare_load_fn = definition.prog_prepare_load_fn,
          prog_attach_fn = definition.prog_attach_fn,
        })
      if not id then
        handlers.unregister(ids)
        return nil, message, errno
      end
      ids[#ids + 1] = id
    end
  end
  return ids
end

--- Unregisters what `register` has registered. Objects that are open keep their handlers.
-- @function unregister
-- @tparam {integer,...} ids from `register`
-- @usage local ids = lbpf.handlers.register("every", "xdp")
-- lbpf.handlers.unregister(ids)
function handlers.unregister(ids)
  for _, id in ipairs(ids) do
    lbpf.unregister_prog_handler(id)
  end
end

return handlers
