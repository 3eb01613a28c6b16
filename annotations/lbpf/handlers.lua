---@meta lbpf.handlers

---@class lbpf.handlers
local handlers = {}

--- Registers handlers that lbpf brings.
---@param ... string their kinds: "every", "xdp"; without any, all of them
---@return integer[]|nil # their ids, for `unregister`
---@return string|nil # message
---@return integer|nil # the error number: EBUSY if `kinds` has "legacy" and there is a generic handler already
function handlers.register(...) end

--- Unregisters what `register` has registered.
--- Objects that are open keep their handlers.
---@param ids integer[] from `register`
function handlers.unregister(ids) end

return handlers
