--- Consumers of ring buffers, in nginx workers.
-- @module lbpf.nginx.consumer

local ffi = require "ffi"
local lbpf = require "lbpf"
local system = require "lbpf.nginx.system"

local consumer = {}
consumer.__index = consumer

-- Accounts ------------------------------------------------------------------------------------

-- What has become of a ring's events, in a map that all workers share. A worker may be killed
-- between any two instructions, so the account has two sides, and one store makes the other valid.
-- Doubles, because LuaJIT's interpreter allocates for 64-bit integers; they count to 2^53.
ffi.cdef [[
struct lbpf_account { double position, consumed, failed, lost; };
struct lbpf_accounts { double ring, valid; struct lbpf_account side[2]; };
]]

local MMAPABLE = 1024

local function open_accounts(map)
  local path = map:pin_path() and map:pin_path():gsub("([^/]*)$", "state-%1") or nil
  local fd = path and lbpf.obj_get(path)
  if not fd then
    local message, errno
    fd, message, errno = lbpf.map_create("array", "lbpf_consumer", 4,
      ffi.sizeof("struct lbpf_accounts"), 1, {map_flags = MMAPABLE})
    if fd and path then
      local pin
      pin, message, errno = lbpf.obj_pin(fd, path)
      fd = pin and fd
    end
    if not fd then
      return nil, message, errno
    end
  end
  return fd
end

-- The consumer ----------------------------------------------------------------------------------

local lock_files = {}

local defaults = {interval = 0.01, time = 0.001, count = 100000, retry = 0.1,
  lock_file = "/run/lbpf.lock"}
local known = {interval = "number", time = "number", count = "number", retry = "number",
  lock_file = "string", pool = "string", dropped = "function", type = "string", fields = "table",
  numbers = "boolean", enum_names = "boolean"}

local function read_options(opts)
  local read = setmetatable({}, {__index = defaults})
  for name, value in pairs(opts or {}) do
    if type(value) ~= known[name] then
      local problem = known[name] and "option '%s' must be a %s, not %s" or "unknown option '%s'"
      error(problem:format(name, known[name], type(value)), 3)
    end
    read[name] = value
  end
  return read
end

--- Makes a consumer of a ring buffer's events: of all workers, of this nginx and of one that it
-- replaces, one at a time reads the ring. For init_by_lua; the workers call `consumer:start`.
--
-- Every `interval` (0.01 s) that worker spends at most `time` (0.001 s) of its processor on events,
-- and takes at most `count`; while there are more, in ten slices. What comes faster stays in the
-- ring until that is full, and is then dropped where it is produced, by the program. An event is
-- taken when the one before it has been handled: the one that a worker had in hand when it was
-- killed is counted as lost.
-- @tparam map map of type ringbuf
-- @tparam function fn called with each event; it may yield, in ngx.sleep or on a cosocket. An error
-- in it is logged and counted
-- @tparam ?table opts `interval`, `time`, `count`; `retry` (0.1 s): how often other workers look
-- whether they are needed; `pool`: the name of a thread pool in which to wait for events, instead
-- of looking every `interval`; `dropped`: a function that returns how many events did not fit into
-- the ring;
-- `lock_file` ("/run/lbpf.lock"); `type`, `fields`, `numbers`, `enum_names` as for
-- `lbpf.ring_buffer`
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
  -- the consumer's position, and on the next page the producer's
  self.pages, self.ring_page = system.share(map:fd(), "const volatile unsigned long *", 2)
  if not self.accounts or not self.pages then
    return nil, self.accounts_page or self.ring_page
  end
  -- one for all: closing a second would let go of the locks of the first
  local path = self.opts.lock_file
  lock_files[path] = lock_files[path] or system.lock_file(path)
  if not lock_files[path] then
    return nil, select(2, system.lock_file(path))
  end
  self.lock = lock_files[path]
  return self
end

-- Writes the other side, and makes it the valid one. A function of its own, which is compiled.
local function account(self, consumed, failed, lost)
  local accounts = self.accounts
  local valid = accounts.valid
  local old, new = accounts.side[valid], accounts.side[1 - valid]
  new.position = tonumber(self.pages[0])
  new.consumed = old.consumed + consumed
  new.failed = old.failed + failed
  new.lost = old.lost + lost
  accounts.valid = 1 - valid
end

-- Has more been taken from the ring than was accounted for?
local function is_behind(self)
  return self.accounts.side[self.accounts.valid].position ~= tonumber(self.pages[0])
end

-- Becomes the one that reads the ring. The last one may have been killed with an event in hand.
local function take_on(self)
  local opts = self.opts
  self.ring = assert(lbpf.ring_buffer(self.map, nil, {type = opts.type, fields = opts.fields,
    numbers = opts.numbers, enum_names = opts.enum_names}))
  self.began, self.has_more = system.now() - opts.interval, false
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
    self.ring = nil
  end
  if self.has_lock then
    system.unlock(self.lock, self.id)
    self.has_lock = false
  end
end

-- Takes what ring:next() returned. False if that is nothing.
local function handle(self, first, ...)
  if first == nil then
    local message = ...
    if message then
      error(message, 0)
    end
    if is_behind(self) then -- records that the program has discarded
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

-- A clock costs more than a fast function: while events take no time it is looked at after twice
-- as many of them, up to this.
local STRIDE = 16

-- Where events take more than the budget it is spent in so many slices: nginx serves in between.
local SLICES = 10

-- Works until the ring is empty, or the budget is spent that has grown since it last began; how
-- long to wait until the next time.
local function drain(self)
  local ring, opts = self.ring, self.opts
  local start, cpu = system.now(), system.cpu()
  local share = math.min(1, (start - self.began) / opts.interval)
  local budget, left = share * opts.time, math.ceil(share * opts.count)
  local look, last = start + budget, start
  local stride, steps = 1, 1
  local spent = false
  self.began, self.complained = start, false
  while not spent and handle(self, ring:next(0, 1)) do
    left, steps = left - 1, steps - 1
    spent = left <= 0
    if steps == 0 then
      local now = system.now()
      if now >= look then
        -- a function that yields takes time, and no processor
        local rest = budget - (system.cpu() - cpu)
        spent = spent or rest < budget / 20 or ngx.worker.exiting()
        look = now + rest
      end
      stride = now - last < opts.time / 50 and math.min(2 * stride, STRIDE) or 1
      steps, last = stride, now
    end
  end
  self.has_more = spent
  return spent and math.max(opts.interval / SLICES, 0.001)
    or math.max(0, start + opts.interval - system.now())
end

local WAIT = 200 -- milliseconds: how long a worker that exits may have to wait for its thread

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

--- Takes part in consuming the events, in init_worker_by_lua of each worker.
-- @function consumer:start
-- @treturn consumer itself
function consumer:start()
  assert(ngx.timer.at(0, tick, self))
  return self
end

--- What has become of the events since the ring is there.
-- @function consumer:stats
-- @treturn table `consumed`: handled; `failed`: those of them with which the function raised an
-- error; `lost`: in the hands of a worker that was killed; `waiting`: bytes in the ring; `dropped`:
-- what option `dropped` says
function consumer:stats()
  local side = self.accounts.side[self.accounts.valid]
  local stats = {consumed = side.consumed, failed = side.failed, lost = side.lost,
    waiting = tonumber(self.pages[system.PAGE / 8] - self.pages[0])}
  if self.opts.dropped then
    stats.dropped = self.opts.dropped()
  end
  return stats
end

return consumer
