--- lbpf in nginx, also installed as `resty.lbpf`.
--
-- The master loads programs, as root, in init_by_lua; the workers use the maps, and one of them
-- consumes the events of a ring buffer.
-- @module lbpf.nginx
-- @needs nginx
-- @usage -- in init_by_lua_block:
-- local bpf = require "resty.lbpf"
-- bpf.remove("/sys/fs/bpf/example") -- what an older configuration has left
-- object = assert(bpf.load("trace.bpf.o", {pin = "/sys/fs/bpf/example"}))
-- events = assert(bpf.consumer(object.maps.events, function(pid, comm)
--   ngx.log(ngx.NOTICE, pid, " ", comm)
-- end, {type = "event", fields = {"pid", "comm"}}))
-- -- in init_worker_by_lua_block:
-- events:start()
-- -- in content_by_lua_block:
-- ngx.say(events:stats().consumed)

local consumer = require "lbpf.nginx.consumer"
local pinned = require "lbpf.pinned"

local nginx = {}

local EPERM, EACCES = 1, 13

-- nginx's workers run init_by_lua only when lua_code_cache is off, for each request.
local function is_worker()
  local file = io.open "/proc/self/cmdline"
  local title = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return title:find("nginx: worker process", 1, true) == 1
end

--- Opens, loads and attaches an object, and takes over what is pinned: see `lbpf.pinned.load`. For
-- init_by_lua, where an error keeps nginx from starting or, on a reload, keeps the old
-- configuration running. If nginx itself then fails, for example to bind a port, the new programs
-- stay, because the master runs no more Lua. The next reload replaces them.
--
-- With lua_code_cache off nginx runs init_by_lua for each request, in a worker. That loads the
-- object each time where workers are root, and fails where they may load nothing: leave
-- lua_code_cache on, and reload nginx after changes; or load and pin the object in a script of its
-- own, with `lbpf.pinned`, and open its maps by their paths, with `lbpf.map`.
-- @function load
-- @tparam string path of the compiled object
-- @tparam ?table opts as for `lbpf.pinned.load`
-- @treturn object
-- @fails EPERM, EACCES in workers that are not root
function nginx.load(path, opts)
  local object, message, errno = pinned.load(path, opts)
  if not object and (errno == EPERM or errno == EACCES) and is_worker() then
    message = "nginx runs init_by_lua again in its workers, for each request, because "
      .. "lua_code_cache is off, and they may not load programs; set lua_code_cache on, and reload "
      .. "nginx after changes of the code: " .. message
  end
  return object, message, errno
end

--- Removes what is pinned: see `lbpf.pinned.remove`.
-- @function remove
nginx.remove = pinned.remove

--- Creates a consumer of a ring buffer's events: see `lbpf.nginx.consumer.new`.
-- @function consumer
nginx.consumer = consumer.new

return nginx
