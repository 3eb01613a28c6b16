---@meta lbpf.pinned

---@class lbpf.pinned
local pinned = {}

--- Opens, loads and attaches an object, and takes over what is pinned already.
--- A pinned link gets the new program atomically, by link:update_program(). If a link cannot be
--- updated, the new one is attached before the old one is destroyed. Links to perf events (kprobe,
--- tracepoint, uprobe, USDT) end with their process: the object owns them. If anything fails, what
--- was replaced is restored.
--- 
--- When it returns, this process has no descriptor of a program or of a pinned link: processes
--- forked from it can only use the maps.
---@param path string of the compiled object
---@param opts? table `pin`: a directory in a BPF file system, for this object only; created if its parent exists. lbpf records there what it pins; it replaces and removes nothing else, and takes no directory that has anything else. `attach`: a list of `{program, method, arguments...}`, for programs whose section names no target, such as `{"filter", "attach_xdp", "eth0"}`; the others are attached as their section says. `keep`: a list of the maps to pin; by default all except those of global variables. `setup`: a function that is called with the object before it is loaded. `open`: the options of `lbpf.open`
---@return lbpf.object|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function pinned.load(path, opts) end

--- Removes what lbpf has pinned in a directory, and the directory.
--- What has no other references is
--- detached.
---@param dir string 
---@return boolean|nil # true, also if there is no such directory
---@return string|nil # message
---@return integer|nil # the error number: ENOTEMPTY if the directory has something else: that stays
function pinned.remove(dir) end

return pinned
