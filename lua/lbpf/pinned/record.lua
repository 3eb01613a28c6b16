--- What an object has pinned in its directory, so that nothing else is replaced or removed there.
--
-- The record is a map beside these files: from a file's name to what it is, and its id. A name is
-- recorded before its file is made, with the id 0 until the file is there, so that nothing is left
-- behind if the process is killed in between.
-- @module lbpf.pinned.record

local lbpf = require "lbpf"

local record = {}
record.__index = record

local FILE = "lbpf-record"
local KEY, VALUE, ENTRIES = 256, 8, 4096 -- a name, ended by zeros; kind and id
local NO_PREALLOC = 1
-- `state` is no part of the object, and outlives its versions.
local KINDS = {"map", "link", "state"}
local EINVAL, ENOTEMPTY = 22, 39

local numbers = {}
for number, kind in ipairs(KINDS) do
  numbers[kind] = number
end

local function u32(n)
  return string.char(n % 256, math.floor(n / 256) % 256, math.floor(n / 65536) % 256,
    math.floor(n / 2 ^ 24) % 256)
end

local function number(bytes, at)
  local a, b, c, d = bytes:byte(at, at + 3)
  return a + b * 256 + c * 65536 + d * 2 ^ 24
end

local function key(name)
  return name .. ("\0"):rep(KEY - #name)
end

-- What is pinned there: "map" or "link", and its id.
local function identify(path)
  local fd = lbpf.obj_get(path)
  if not fd then
    return nil
  end
  local info, kind = lbpf.obj_get_info_by_fd(fd)
  fd:close()
  return info and kind, info and info.id
end

--- Opens the record of a directory.
-- @treturn record nil, message, errno: ENOENT if there is none
function record.open(dir)
  local path = dir .. "/" .. FILE
  local fd, message, errno = lbpf.obj_get(path)
  if not fd then
    return nil, message, errno
  end
  local info, kind = lbpf.obj_get_info_by_fd(fd)
  if kind ~= "map" or info.type ~= "hash" or info.key_size ~= KEY or info.value_size ~= VALUE then
    fd:close()
    return nil, ("'%s' is not what lbpf writes"):format(path), EINVAL
  end
  return setmetatable({dir = dir, fd = fd}, record)
end

--- Makes the record of a directory that has none.
-- @treturn record
-- @fails
function record.create(dir)
  local fd, message, errno = lbpf.map_create("hash", "lbpf_record", KEY, VALUE, ENTRIES,
    {map_flags = NO_PREALLOC})
  if not fd then
    return nil, message, errno
  end
  local done
  done, message, errno = lbpf.obj_pin(fd, dir .. "/" .. FILE)
  if not done then
    fd:close()
    return nil, message, errno
  end
  return setmetatable({dir = dir, fd = fd}, record)
end

function record:close()
  self.fd:close()
end

--- Writes down that the file is the object's. Without an id: that it will be.
function record:add(name, kind, id)
  assert(lbpf.map_update(self.fd, key(name), u32(numbers[kind]) .. u32(id or 0)))
end

--- The same, once it is there. If it is not, there is nothing to write down.
function record:add_file(name, kind)
  local _, id = identify(self.dir .. "/" .. name)
  if id then
    self:add(name, kind, id)
  else
    self:forget(name)
  end
end

function record:forget(name)
  lbpf.map_delete(self.fd, key(name))
end

--- What the name was recorded as; nil: it was not.
function record:kind(name)
  local value = lbpf.map_lookup(self.fd, key(name))
  return value and KINDS[number(value, 1)]
end

--- Is the file of that name still the one that was recorded?
function record:is_own(name)
  local value = lbpf.map_lookup(self.fd, key(name))
  if not value then
    return false
  end
  local kind, id = identify(self.dir .. "/" .. name)
  return kind == (number(value, 1) == numbers.link and "link" or "map")
    and (number(value, 5) == 0 or number(value, 5) == id)
end

--- The names that are recorded.
function record:names()
  local names = {}
  local at
  repeat
    at = lbpf.map_get_next_key(self.fd, at)
    names[#names + 1] = at and at:sub(1, at:find("\0", 1, true) - 1)
  until not at
  return names
end

--- Removes the file, if it is the object's, and forgets it.
function record:remove(name)
  if self:is_own(name) then
    os.remove(self.dir .. "/" .. name)
  end
  self:forget(name)
end

--- Gives a file a name of its kind that it replaces.
function record:rename(from, to)
  local kind = self:kind(from)
  self:add(to, kind)
  assert(os.rename(self.dir .. "/" .. from, self.dir .. "/" .. to))
  self:add_file(to, kind)
  self:forget(from)
end

--- Removes the record, and the directory unless it `stays` or has something of somebody else's.
function record:remove_directory(stays)
  os.remove(self.dir .. "/" .. FILE)
  self:close()
  local left, message, errno = lbpf.pins(self.dir)
  if not left then
    return nil, message, errno
  elseif #left > 0 then
    table.sort(left)
    return nil, ("'%s' also has what lbpf has not pinned: %s"):format(self.dir,
      table.concat(left, ", ")), ENOTEMPTY
  end
  return stays or os.remove(self.dir)
end

return record
