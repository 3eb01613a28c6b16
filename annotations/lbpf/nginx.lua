---@meta lbpf.nginx

---@class lbpf.nginx
local nginx = {}

--- Opens, loads and attaches an object, and takes over what is pinned: see `lbpf.pinned.load`.
--- For
--- init_by_lua, where an error keeps nginx from starting or, on a reload, keeps the old
--- configuration running. If nginx itself then fails, for example to bind a port, the new programs
--- stay, because the master runs no more Lua. The next reload replaces them.
--- 
--- With lua_code_cache off nginx runs init_by_lua for each request, in a worker. That loads the
--- object each time where workers are root, and fails where they may load nothing: leave
--- lua_code_cache on, and reload nginx after changes; or load and pin the object in a script of its
--- own, with `lbpf.pinned`, and open its maps by their paths, with `lbpf.map`.
---@param path string of the compiled object
---@param opts? table as for `lbpf.pinned.load`
---@return lbpf.object|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EPERM, EACCES in workers that are not root
function nginx.load(path, opts) end

--- Removes what is pinned: see `lbpf.pinned.remove`.
function nginx.remove() end

--- Creates a consumer of a ring buffer's events: see `lbpf.nginx.consumer.new`.
function nginx.consumer() end

return nginx
