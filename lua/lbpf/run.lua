--- lbpf's own event loop.
-- @module lbpf

local lbpf = require "lbpf.core"

-- What to do when a descriptor is readable: call the script's function, or consume a buffer.
local function handlers(poller, what)
  local by_fd = {}
  local function add(fd, handler)
    assert(poller:add(fd))
    by_fd[fd] = handler
  end
  for _, buffer in ipairs(what) do
    local fd, message = buffer:epoll_fd()
    if fd or message then -- a tracer without events has no descriptor
      add(assert(fd, message), function()
        local n, why = buffer:consume()
        return n ~= false and assert(n, why)
      end)
    end
  end
  for fd, handler in pairs(what.on or {}) do
    add(fd, handler)
  end
  return by_fd
end

local function timers(what)
  local list, now = {}, lbpf.monotonic()
  local function add(seconds, fn)
    list[#list + 1] = {seconds = seconds, fn = fn, due = now + seconds}
  end
  for seconds, fn in pairs(what.every or {}) do
    add(seconds, fn)
  end
  for _, buffer in ipairs(what) do
    for _, timer in ipairs(buffer.timers or {}) do -- a tracer's
      add(timer.seconds, timer.fn)
    end
  end
  return list
end

-- The time until the next timer or the end; nil: no limit.
local function time_left(list, deadline)
  local due = deadline
  for _, timer in ipairs(list) do
    due = due and math.min(due, timer.due) or timer.due
  end
  return due and math.max(0, due - lbpf.monotonic())
end

-- Calls each timer that is due, once, however late it is. False if one of them ends the loop.
local function run_timers(list)
  for _, timer in ipairs(list) do
    local now = lbpf.monotonic()
    if timer.due <= now then
      timer.due = math.max(timer.due + timer.seconds, now)
      if timer.fn() == false then
        return false
      end
    end
  end
  return true
end

-- Has a function stopped one of the tracers?
local function stopped(what)
  for _, buffer in ipairs(what) do
    if type(buffer) == "table" and buffer.ended then
      return true
    end
  end
  return false
end

local function loop(poller, what)
  local by_fd, list = handlers(poller, what), timers(what)
  local deadline = what.seconds and lbpf.monotonic() + what.seconds
  while true do
    local ready, signals = assert(poller:wait(time_left(list, deadline)))
    for _, fd in ipairs(ready) do
      if by_fd[fd]() == false then
        return "stop"
      end
    end
    for _, name in ipairs(signals) do
      local handler = what.signals and what.signals[name]
      if not handler then
        return name
      elseif handler() == false then
        return "stop"
      end
    end
    if not run_timers(list) or stopped(what) then
      return "stop"
    end
    if deadline and lbpf.monotonic() >= deadline then
      return "time"
    end
  end
end

--- Waits for events and calls their functions, until Ctrl-C, SIGTERM or something else ends it.
-- Then it returns, and the script continues.
--
--     lbpf.run {ring, every = {[1] = report}}
--
-- @function run
-- @tparam table what a list of ring and perf buffers with functions, and of tracers, which may
-- end the loop; and `every`: seconds = function; `on`: descriptor = function, called while it is
-- readable; `signals`: name = function, called instead of ending the loop for "INT" and "TERM";
-- `seconds`: when to end. A function that returns false ends the loop
-- @treturn string why it ended: "INT", "TERM", "time", or "stop" if a function returned false
-- @raise the error of a function
-- @usage local ring = assert(lbpf.ring_buffer(object.maps.events, print, {type = "event"}))
-- local function report()
--   print(object.vars.dropped)
-- end
-- print(lbpf.run {ring, every = {[0.01] = report}, seconds = 0.05}) -- "time"
local function run(what)
  local names = {"INT", "TERM"}
  for name in pairs(what.signals or {}) do
    if name ~= "INT" and name ~= "TERM" then
      names[#names + 1] = name
    end
  end
  local poller = assert(lbpf.poller())
  local ok, result = pcall(function()
    assert(poller:catch(names))
    return loop(poller, what)
  end)
  poller:close()
  if not ok then
    error(result, 0)
  end
  return result
end

return run
