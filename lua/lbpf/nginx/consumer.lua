--- Consumers of ring buffers, in nginx workers.
-- @classmod lbpf.nginx.consumer
-- @needs nginx
-- @usage -- in init_by_lua_block:
-- local consumer = require "lbpf.nginx.consumer"
-- object = assert(require("lbpf.pinned").load("trace.bpf.o", {pin = "/sys/fs/bpf/example"}))
-- events = assert(consumer.new(object.maps.events, function(bytes)
--   ngx.log(ngx.NOTICE, #bytes)
-- end))
-- -- in init_worker_by_lua_block:
-- events:start()
-- -- in content_by_lua_block:
-- ngx.say(events:stats().consumed)

local ffi = require "ffi"
local lbpf = require "lbpf"
local record = require "lbpf.pinned.record"
local system = require "lbpf.nginx.system"

local consumer = {}
consumer.__index = consumer

-- Counts ----------------------------------------------------------------------------------------

-- The counts of a ring's events are in a map that all workers share. A worker may be killed
-- between any two instructions, so there are two copies, and a single store selects the valid
-- one. They are doubles, because LuaJIT's interpreter allocates for 64-bit integers; they count
-- to 2^53.
ffi.cdef [[
struct lbpf_account { double position, consumed, failed, lost; };
struct lbpf_accounts { double ring, valid; struct lbpf_account side[2]; };
]]

local MMAPABLE = 1024
local ENOENT, EINVAL = 2, 22

local function make_accounts()
  return lbpf.map_create("array", "lbpf_consumer", 4, ffi.sizeof("struct lbpf_accounts"), 1,
    {map_flags = MMAPABLE})
end

-- Pinned beside the ring, if that is pinned.
local function open_accounts(map)
  local dir, name = (map:pin_path() or ""):match "^(.*)/([^/]+)$"
  if not dir then
    return make_accounts()
  end
  local made = record.open(dir)
  name = "state-" .. name
  local fd, message, errno = lbpf.obj_get(dir .. "/" .. name)
  if fd then
    local info, kind = lbpf.obj_get_info_by_fd(fd)
    if kind ~= "map" or info.type ~= "array" or info.map_flags ~= MMAPABLE
      or info.value_size ~= ffi.sizeof "struct lbpf_accounts" then
      fd:close()
      return nil, ("'%s/%s' is not what lbpf writes"):format(dir, name), EINVAL
    end
    return fd
  elseif errno ~= ENOENT then
    return nil, message, errno
  end
  if made then
    made:add(name, "state")
  end
  fd, message, errno = make_accounts()
  if fd then
    local pin
    pin, message, errno = lbpf.obj_pin(fd, dir .. "/" .. name)
    fd = pin and fd
  end
  if made then
    made:add_file(name, "state")
    made:close()
  end
  return fd, message, errno
end

-- The consumer ----------------------------------------------------------------------------------

local lock_files = {}

local defaults = {interval = 0.01, time = 0.00035, count = 100000, retry = 0.1,
  lock_file = "/run/lbpf.lock"}
local known = {interval = "number", time = "number", count = "number", retry = "number",
  lock_file = "string", pool = "string", dropped = "function", type = "string", layout = "string",
  fields = "table", numbers = "boolean", enum_names = "boolean"}

local function nearest_options(name)
  local names = {}
  for option in pairs(known) do
    names[#names + 1] = option
  end
  return lbpf.nearest(tostring(name), names)
end

local function read_options(opts)
  local read = setmetatable({}, {__index = defaults})
  for name, value in pairs(opts or {}) do
    if not known[name] then
      error(("unknown option '%s'; expected one of: %s"):format(tostring(name),
        nearest_options(name)), 3)
    elseif type(value) ~= known[name] then
      error(("option '%s' must be a %s, not %s"):format(name, known[name], type(value)), 3)
    end
    read[name] = value
  end
  return read
end

local function open_ring(self)
  local opts = self.opts
  return assert(lbpf.ring_buffer(self.map, nil, {type = opts.type, layout = opts.layout,
    fields = opts.fields, numbers = opts.numbers, enum_names = opts.enum_names}))
end

--- Creates a consumer of a ring buffer's events. Of all workers, of this nginx and of one that it
-- replaces, one at a time reads the ring. Call this in init_by_lua, and `consumer:start` in the
-- workers.
--
-- Every `interval` (0.01 s) that worker spends at most `time` (0.00035 s) of CPU time on events,
-- and takes at most `count`; if there are more, in four slices. Further events stay in the ring;
-- when it is full, the program drops them. An event is taken from the ring after the previous one
-- was handled: if a worker is killed, one event is counted as lost.
-- @static
-- @tparam map map of type ringbuf
-- @tparam function fn called with each event; it may yield, in ngx.sleep or on a cosocket. Its
-- errors are logged and counted
-- @tparam ?table opts `interval`, `time`, `count`; `retry` (0.1 s): how often other workers check
-- whether they must take over; `pool`: the name of a thread pool in which to wait for events,
-- instead of checking every `interval`; `dropped`: a function that returns how many events did
-- not fit into the ring; `lock_file` ("/run/lbpf.lock"); `type`, `layout`, `fields`, `numbers`,
-- `enum_names` as for `lbpf.ring_buffer`
-- @treturn consumer
-- @fails
function consumer.new(map, fn, opts)
  local self = setmetatable({map = map, fn = fn, opts = read_options(opts)}, consumer)
  local info, message, errno = lbpf.map_get_info_by_fd(map)
  if not info then
    return nil, message, errno
  end
  self.id = info.id
  self.accounts_fd, message, errno = open_accounts(map)
  if not self.accounts_fd then
    return nil, message, errno
  end
  self.accounts, self.accounts_page = system.share(self.accounts_fd:fileno(),
    "volatile struct lbpf_accounts *", 1)
  -- the page with the consumer's position, and the next one with the producer's
  self.pages, self.ring_page = system.share(map:fd(), "const volatile unsigned long *", 2)
  if not self.accounts or not self.pages then
    return nil, self.accounts_page or self.ring_page
  end
  -- one file for all consumers: closing a second one would release the locks of the first
  local path = self.opts.lock_file
  lock_files[path] = lock_files[path] or system.lock_file(path)
  if not lock_files[path] then
    return nil, select(2, system.lock_file(path))
  end
  self.lock = lock_files[path]
  open_ring(self):close() -- what is misspelt is told here
  return self
end

-- Every worker can write to the page, and so can whoever opens the map: any number may be there.
local function valid_side(accounts)
  return accounts.valid == 1 and 1 or 0
end

-- Writes the other copy, and makes it valid. A separate function, so that it is compiled.
local function account(self, consumed, failed, lost)
  local accounts = self.accounts
  local valid = valid_side(accounts)
  local old, new = accounts.side[valid], accounts.side[1 - valid]
  new.position = tonumber(self.pages[0])
  new.consumed = old.consumed + consumed
  new.failed = old.failed + failed
  new.lost = old.lost + lost
  accounts.valid = 1 - valid
end

-- Has more been taken from the ring than was counted?
local function is_behind(self)
  return self.accounts.side[valid_side(self.accounts)].position ~= tonumber(self.pages[0])
end

-- Becomes the worker that reads the ring. The last one may have been killed while it handled an
-- event.
local function take_on(self)
  self.ring = open_ring(self)
  self.next_event = self.ring:events(0) -- which takes an event from the ring when it returns it
  self.began, self.has_more = system.now() - self.opts.interval, false
  if self.accounts.ring ~= self.id then
    self.accounts.ring = self.id
    account(self, 0, 0, 0)
  elseif is_behind(self) then
    account(self, 0, 0, 1)
  end
end

local function resign(self)
  if self.ring then
    self.ring:close()
    self.ring, self.next_event = nil, nil
  end
  if self.has_lock then
    system.unlock(self.lock, self.id)
    self.has_lock = false
  end
end

-- Handles an event. False if there is none.
local function handle(self, first, ...)
  if first == nil then
    if is_behind(self) then -- the program has discarded records
      account(self, 0, 0, 0)
    end
    return false
  end
  local ok, problem = pcall(self.fn, first, ...)
  account(self, 1, ok and 0 or 1, 0)
  if not ok and not self.complained then
    ngx.log(ngx.ERR, "lbpf: a consumer's function failed: ", problem)
    self.complained = true
  end
  return true
end

-- Reading the clock takes longer than a fast function. While events take no time, it is read
-- after twice as many events, up to this number.
local STRIDE = 16

-- A function that blocks for so many seconds is told: nginx serves nobody meanwhile.
local BLOCKED = 0.1

-- The time is NOW. It was LAST when nginx's clock, which does not advance in a function, was CLOCK.
local function tell_blocked(self, now, last, clock)
  local blocked = now - last - (ngx.now() - clock)
  if blocked > BLOCKED and not self.told then
    self.told = true
    ngx.log(ngx.WARN, ("lbpf: a consumer's function has blocked nginx for %.1f s"):format(blocked))
  end
end

-- If events need more than the budget, it is spent in so many slices, between which nginx serves.
local SLICES = 4

-- Handles events until the ring is empty, or the budget since the last call is spent. Returns how
-- long to wait until the next call.
local function drain(self)
  local next_event, opts = self.next_event, self.opts
  local start, cpu = system.now(), system.cpu()
  local share = math.min(1, (start - self.began) / opts.interval)
  local budget, left = share * opts.time, math.ceil(share * opts.count)
  local look, last, clock = start + budget, start, ngx.now()
  local stride, steps = 1, 1
  local spent = false
  self.began, self.complained = start, false
  while not spent and handle(self, next_event()) do
    left, steps = left - 1, steps - 1
    spent = left <= 0
    if steps == 0 then
      local now = system.now()
      if now >= look then
        -- a function that yields takes time, but no CPU time
        local rest = budget - (system.cpu() - cpu)
        spent = spent or rest < budget / 20 or ngx.worker.exiting()
        look = now + rest
      end
      tell_blocked(self, now, last, clock)
      clock = ngx.now()
      stride = now - last < opts.time / 50 and math.min(2 * stride, STRIDE) or 1
      steps, last = stride, now
    end
  end
  tell_blocked(self, system.now(), last, clock)
  self.has_more = spent
  return spent and math.max(opts.interval / SLICES, 0.001)
    or math.max(0, start + opts.interval - system.now())
end

local WAIT = 200 -- milliseconds that an exiting worker may have to wait for its thread

local function turn(self)
  if not self.ring then
    self.has_lock = self.has_lock or system.lock(self.lock, self.id)
    if not self.has_lock then
      return self.opts.retry
    end
    take_on(self)
  end
  if self.opts.pool and not self.has_more then
    local ok, ready = ngx.run_worker_thread(self.opts.pool, "lbpf.nginx.system", "wait",
      self.ring:epoll_fd(), WAIT)
    if not ok then
      error(ready, 0)
    elseif not ready then
      return 0
    end
  end
  return drain(self)
end

local function tick(premature, self)
  if premature or ngx.worker.exiting() then
    return resign(self)
  end
  local ok, delay = pcall(turn, self)
  if not ok then
    ngx.log(ngx.ERR, "lbpf: a consumer starts anew: ", delay)
    resign(self)
    delay = 1
  end
  if not ngx.timer.at(delay, tick, self) then
    resign(self)
  end
end

--- Starts consuming events; call it in init_worker_by_lua of each worker.
-- @function consumer:start
-- @treturn consumer itself
function consumer:start()
  assert(ngx.timer.at(0, tick, self))
  return self
end

--- Returns the counts of the ring's events.
-- @function consumer:stats
-- @treturn table `consumed`: handled; `failed`: handled with an error; `lost`: being handled when
-- a worker was killed; `waiting`: bytes in the ring; `dropped`: the result of option `dropped`
function consumer:stats()
  local side = self.accounts.side[valid_side(self.accounts)]
  local stats = {consumed = side.consumed, failed = side.failed, lost = side.lost,
    waiting = tonumber(self.pages[system.PAGE / 8] - self.pages[0])}
  if self.opts.dropped then
    stats.dropped = self.opts.dropped()
  end
  return stats
end

return consumer
