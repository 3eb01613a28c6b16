-- Finds the file of a program or library that is named without a slash, where libbpf looks for it.

local file = {}

local LIBRARIES = {
  "/usr/lib64", "/usr/lib", "/lib64", "/lib", "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/s390x-linux-gnu",
}

local function exists(path)
  local opened = io.open(path)
  return opened ~= nil and opened:close()
end

--- The path of a file.
-- @param name "libc.so.6", "bash", or a path
-- @return the path; or nil, message, ENOENT
function file.find(name)
  if name:find("/", 1, true) then
    return name
  end
  local variable = name:find("%.so") and "LD_LIBRARY_PATH" or "PATH"
  local places = {}
  for place in (os.getenv(variable) or ""):gmatch("[^:]+") do
    places[#places + 1] = place
  end
  for _, place in ipairs(variable == "PATH" and {"/usr/bin", "/usr/sbin"} or LIBRARIES) do
    places[#places + 1] = place
  end
  for _, place in ipairs(places) do
    if exists(place .. "/" .. name) then
      return place .. "/" .. name
    end
  end
  return nil, ("'%s' is in none of the directories of %s"):format(name, variable), 2
end

--- The whole of a file; or nil, message, errno.
function file.read(path)
  local opened, message, errno = io.open(path, "rb")
  local whole = opened and opened:read("*a")
  if opened then
    opened:close()
  end
  return whole, message, errno
end

return file
