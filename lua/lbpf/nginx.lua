--- lbpf in nginx, also installed as `resty.lbpf`.
--
-- The master loads programs, as root, in init_by_lua; the workers use the maps, and one of them
-- consumes the events of a ring buffer:
--
--     init_by_lua_block {
--       local bpf = require "resty.lbpf"
--       object = assert(bpf.load("filter.bpf.o", {pin = "/sys/fs/bpf/filter"}))
--       events = assert(bpf.consumer(object.maps.events, function(bytes) ... end))
--     }
--     init_worker_by_lua_block {
--       events:start()
--     }
-- @module lbpf.nginx

local consumer = require "lbpf.nginx.consumer"
local pinned = require "lbpf.pinned"

local nginx = {}

--- Opens, loads and attaches an object, and takes over what is pinned: see `lbpf.pinned.load`. For
-- init_by_lua, where an error keeps nginx from starting or, on a reload, keeps the old
-- configuration running. If nginx itself then fails, for example to bind a port, the new programs
-- stay, because the master runs no more Lua. The next reload replaces them.
-- @function load
nginx.load = pinned.load

--- Removes what is pinned: see `lbpf.pinned.remove`.
-- @function remove
nginx.remove = pinned.remove

--- Creates a consumer of a ring buffer's events: see `lbpf.nginx.consumer.new`.
-- @function consumer
nginx.consumer = consumer.new

return nginx
