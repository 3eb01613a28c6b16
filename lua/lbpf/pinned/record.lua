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
local LONGEST = 255 - #"-new" -- a file's name, and what a link's has until it replaces another
local ENOENT, EINVAL, ENAMETOOLONG, ENOTEMPTY = 2, 22, 36, 39

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

-- What is pinned there: "map" or "link", and its id. False if nothing is; nil, message, errno if
-- that cannot be found out.
local function identify(path)
  local fd, message, errno = lbpf.obj_get(path)
  if not fd and errno == ENOENT then
    return false
  elseif not fd then
    return nil, message, errno
  end
  local info, kind
  info, kind, errno = lbpf.obj_get_info_by_fd(fd)
  fd:close()
  if not info then
    return nil, kind, errno
  end
  return kind, info.id
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
-- @fails E2BIG if the object has more files than can be recorded
function record:add(name, kind, id)
  return lbpf.map_update(self.fd, key(name), u32(numbers[kind]) .. u32(id or 0))
end

--- The same of the name of a new file.
-- @fails ENAMETOOLONG
function record:claim(name, kind)
  if #name > LONGEST then
    return nil, ("'%s/%s': the name has more than %d bytes"):format(self.dir, name, LONGEST),
      ENAMETOOLONG
  end
  return self:add(name, kind)
end

--- The same, once it is there. If it is not, there is nothing to write down.
function record:add_file(name, kind)
  local is, id = identify(self.dir .. "/" .. name)
  if is then
    self:add(name, kind, id)
  elseif is == false then
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

--- Is the file of that name still the one that was recorded? nil, message, errno if that cannot be
-- found out.
function record:is_own(name)
  local value, message, errno = lbpf.map_lookup(self.fd, key(name))
  if message then
    return nil, message, errno
  elseif not value then
    return false
  end
  local kind, id
  kind, id, errno = identify(self.dir .. "/" .. name)
  if kind == nil then
    return nil, id, errno
  end
  return kind == (number(value, 1) == numbers.link and "link" or "map")
    and (number(value, 5) == 0 or number(value, 5) == id)
end

--- The names that are recorded.
-- @fails
function record:names()
  local names = {}
  local at, message, errno
  repeat
    at, message, errno = lbpf.map_get_next_key(self.fd, at)
    if message then
      return nil, message, errno
    end
    names[#names + 1] = at and at:sub(1, at:find("\0", 1, true) - 1)
  until not at
  return names
end

--- Removes the file, if it is the object's, and forgets it.
-- @fails the record stays then
function record:remove(name)
  local own, message, errno = self:is_own(name)
  local done = own == false
  if own then
    done, message, errno = os.remove(self.dir .. "/" .. name)
  end
  if not done then
    return nil, message, errno
  end
  done, message, errno = lbpf.map_delete(self.fd, key(name))
  return done ~= nil or nil, message, errno
end

--- Gives a file a name of its kind that it replaces.
-- @fails
function record:rename(from, to)
  local kind = self:kind(from)
  local done, message, errno = self:add(to, kind)
  if done then
    done, message, errno = os.rename(self.dir .. "/" .. from, self.dir .. "/" .. to)
  end
  if not done then
    return nil, message, errno
  end
  self:add_file(to, kind)
  self:forget(from)
  return true
end

--- Removes all files, the record, and the directory unless it `stays` or has something of somebody
-- else's.
-- @fails what is left can be removed by another try
function record:clear(stays)
  local names, message, errno = self:names()
  local done = names
  for _, name in ipairs(names or {}) do
    done, message, errno = self:remove(name)
    if not done then
      break
    end
  end
  self:close()
  local left
  if done then
    left, message, errno = lbpf.pins(self.dir)
  end
  if not left then
    return nil, message, errno
  end
  local others = {}
  for _, name in ipairs(left) do
    others[#others + 1] = name ~= FILE and name or nil
  end
  done, message, errno = os.remove(self.dir .. "/" .. FILE)
  if not done then
    return nil, message, errno
  elseif #others > 0 then
    table.sort(others)
    return nil, ("'%s' also has what lbpf has not pinned: %s"):format(self.dir,
      table.concat(others, ", ")), ENOTEMPTY
  elseif stays then
    return true
  end
  return os.remove(self.dir)
end

return record
