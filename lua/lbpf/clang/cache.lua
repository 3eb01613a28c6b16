-- Objects that clang has compiled, kept in $XDG_CACHE_HOME/lbpf/objects or ~/.cache/lbpf/objects.
-- An entry is found by all that goes into it: the source, clang's arguments, clang itself and the
-- kernel. It lists the files that the source includes; if one of them has changed, it is not used.

local lbpf = require "lbpf.core"

local cache = {}

local FORMAT = "lbpf 1"

local function directory()
  local base = os.getenv("XDG_CACHE_HOME")
  if base and base:sub(1, 1) == "/" then
    return base .. "/lbpf/objects"
  end
  local home = os.getenv("HOME")
  return home and home:sub(1, 1) == "/" and home .. "/.cache/lbpf/objects"
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text or ""
end

-- Which kernel this is: its types are those of the headers.
local function kernel()
  return read("/sys/kernel/notes") .. read("/proc/version")
end

-- Where clang looks for headers, too.
local function environment()
  return (os.getenv("CPATH") or "") .. "\0" .. (os.getenv("C_INCLUDE_PATH") or "")
end

-- The program as PATH has it, and a stamp of its file.
local function program(name)
  if name:find("/", 1, true) then
    return name .. (lbpf.file_stamp(name) or "")
  end
  for folder in (os.getenv("PATH") or ""):gmatch("[^:]+") do
    local path = folder .. "/" .. name
    local stamp = lbpf.file_stamp(path)
    if stamp then
      return path .. stamp
    end
  end
  return name
end

--- Where an object is kept; nil if it is not.
-- @tparam {string,...} argv clang and its arguments
-- @tparam string source with its place
function cache.key(argv, source)
  local folder = directory()
  if not folder then
    return nil
  end
  local input = table.concat({FORMAT, program(argv[1]), table.concat(argv, "\0"), environment(),
    kernel(), source}, "\0\0")
  local status, output = lbpf.spawn({"sha256sum"}, input)
  local name = status == 0 and output:match("^%x+")
  return name and {folder = folder, name = name}
end

--- The object, if there is one and what it was made of is the same.
function cache.get(key)
  local entry = key and lbpf.cache_get(key.folder, key.name)
  local list, object = (entry or ""):match("^(.-)\n\n(.*)$")
  for stamp, path in (list or ""):gmatch("(%S+) ([^\n]+)") do
    if lbpf.file_stamp(path) ~= stamp then
      return nil
    end
  end
  return object
end

--- Keeps an object. FILES: what the source includes.
function cache.put(key, files, object)
  local lines = {}
  for i, path in ipairs(files) do
    local stamp = lbpf.file_stamp(path)
    if not stamp or path:find("\n") then
      return
    end
    lines[i] = stamp .. " " .. path
  end
  lbpf.cache_put(key.folder, key.name, table.concat(lines, "\n") .. "\n\n" .. object)
end

return cache
