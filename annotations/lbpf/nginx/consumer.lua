---@meta lbpf.nginx.consumer

---@class lbpf.nginx.consumer
local consumer = {}

--- Creates a consumer of a ring buffer's events.
--- Of all workers, of this nginx and of one that it
--- replaces, one at a time reads the ring. Call this in init_by_lua, and `consumer:start` in the
--- workers.
--- 
--- Every `interval` (0.01 s) that worker spends at most `time` (0.00035 s) of CPU time on events,
--- and takes at most `count`; if there are more, in four slices. Further events stay in the ring;
--- when it is full, the program drops them. An event is taken from the ring after the previous one
--- was handled: if a worker is killed, one event is counted as lost.
---@param map lbpf.map of type ringbuf
---@param fn function called with each event; it may yield, in ngx.sleep or on a cosocket. Its errors are logged and counted
---@param opts? table `interval`, `time`, `count`; `retry` (0.1 s): how often other workers check whether they must take over; `pool`: the name of a thread pool in which to wait for events, instead of checking every `interval`; `dropped`: a function that returns how many events did not fit into the ring; `lock_file` ("/run/lbpf.lock"); `type`, `layout`, `fields`, `numbers`, `enum_names` as for `lbpf.ring_buffer`
---@return lbpf.nginx.consumer|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function consumer.new(map, fn, opts) end

--- Starts consuming events; call it in init_worker_by_lua of each worker.
---@return lbpf.nginx.consumer # itself
function consumer:start() end

--- Returns the counts of the ring's events.
---@return table # `consumed`: handled; `failed`: handled with an error; `lost`: being handled when a worker was killed; `waiting`: bytes in the ring; `dropped`: the result of option `dropped`
function consumer:stats() end

return consumer
