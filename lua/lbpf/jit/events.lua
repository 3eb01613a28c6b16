-- Delivers events. For each type functions are generated that read the batch themselves, so that
-- the trace compiler compiles the whole path from the bytes to the script's code.
local ffi = require "ffi"
local expression = require "lbpf.jit.expression"
local filler = require "lbpf.jit.filler"
local layout = require "lbpf.jit.layout"
local of_many = require "lbpf.jit.closures"

local HEADER = layout.record_size

local claim_type = ffi.typeof "const struct lbpf_record *(*)(const struct lbpf_claim *)"

-- The memory of the events does not change while they are delivered: C refuses to poll meanwhile.
-- But a ring's can, if another process reads the ring, too: so a size is read once, and checked. A
-- size with the flag of news is negative. If C found that all events have the same size, the next
-- one's place is known before this one's size is read. From event to event there are pointers: a
-- number would be converted to one, and the next size back to a number, before that.
local PUSH = [[
local record, band = record, band
return function(cursor, checks, into, fn)
  local bytes, each = cursor.bytes, cursor.size
  local at, last = bytes + cursor.next, bytes + cursor.last
  while at < last do
    local e, d = cast(record, at), at + HEADER
    local size = each < 0 and e.size or each
    local after = d + band(size + 7, 0x3ffffff8)
    if size < LEAST or after > last SAYSALL then
      break
    end
    at = after
    if size < 0x40000000 then -- else it was discarded
      cursor.next = after - bytes -- consumed from here on, also if the function raises
      if fn(VALUES) == false then
        return true
      end
    end
  end
  return false
end
]]

-- A finalizer that polls or closes the same buffer may run at any allocation, and wherever a
-- trace ends, which can be at any condition. Therefore a C function finds an event and claims it
-- in one step.
local PULL = [[
local claim, slow = claim, slow
return function(events, rest)
  local e = claim(events)
  if e ~= nil then
    local d, size, checks = cast(u1, e) + HEADER, e.size, events.checks
    local NAMES = VALUES
    events.cursor.reading = 0
    return NAMES
  end
  return slow(rest.next, rest.buffer, rest.timeout)
end
]]

-- A trace is specialised to its function, and to the values that this refers to. So buffers with
-- the same events share the function that pulls them, and with the same callback the one that
-- pushes them.
local pulls, pushes = {}, {}
local environment =
  setmetatable({record = layout.record, band = bit.band}, {__index = filler.environment})

-- FILL is the source of what fills a table again, or empty.
local function push_for(fill, values, least, is_checked, fn)
  local key = fill .. values .. least .. tostring(is_checked)
  local known = pushes[key] or setmetatable({}, {__mode = "kv"})
  pushes[key] = known
  if not known[fn] then
    known[fn] = expression.load(fill .. expression.fill(PUSH,
      {VALUES = values, LEAST = least, HEADER = HEADER,
        SAYSALL = is_checked and "or says_all(checks, d) == 0" or ""}), environment)
  end
  return known[fn]
end

local function pull_for(fill, values, n)
  local key = fill .. values
  pulls[key] = pulls[key] or expression.load(fill .. expression.fill(PULL,
    {VALUES = values, NAMES = expression.names(n), HEADER = HEADER}), environment)
  return pulls[key]
end

local new_push = of_many(function(push, cursor, checks, into)
  return function(fn)
    return push(cursor, checks, into, fn)
  end
end)

local new_pull = of_many(function(pull, events, rest)
  return function()
    return pull(events, rest)
  end
end)

-- Makes the functions that deliver the events of a batch whose function FN has this number:
-- push(fn), which returns whether to stop, if there is a FN; and
-- pull(next, buffer, timeout), which returns an iterator that calls SLOW with these for what it
-- does not do itself. CLAIM is the address of batch_claim(); INTO is the table that is filled
-- again, or nil.
-- @return a list of the two; nil if the type has something that is not known here
local function compile(claim, slow, type, cursor, number, fn, has_cpu, into)
  local list = {"str(d, size)"}
  if type then
    list = expression.list(type)
  end
  if not list then
    return nil
  end
  environment.claim = environment.claim or ffi.cast(claim_type, claim)
  environment.slow = slow
  local least = type and expression.least(type) or 0
  local checks = type and expression.new_checks(type)
  list[#list + 1] = has_cpu and "e.cpu" or nil
  local fill, pushed = "", table.concat(list, ", ")
  local pulled = pushed
  if into then
    environment.origins = type.origins
    fill = filler.PROLOGUE .. filler.source("refill", type)
    list[1] = "refill(into, d, size, checks)"
    pushed = table.concat(list, ", ")
    list[1] = "refill(rest.into, d, size, checks)"
    pulled = table.concat(list, ", ")
  end
  local push = fn and push_for(fill, pushed, least, checks ~= nil, fn)
  local pull = pull_for(fill, pulled, #list)
  cursor = ffi.cast(layout.cursor, cursor)
  return {
    push and new_push(push, cursor, checks, into),
    function(next, buffer, timeout)
      local own = type and expression.new_checks(type)
      return new_pull(pull, layout.claim(cursor, own, number, least),
        {next = next, buffer = buffer, timeout = timeout, into = into,
          checks = own}) -- which keeps them
    end,
  }
end

return compile
