--- What a spec asks of its own process, and children as an ordinary user.
local fds = require "fds"
local lfs = require "lfs"

local process = {}

--- How many descriptors are open.
function process.fds()
  local n = 0
  for _ in lfs.dir("/proc/self/fd") do
    n = n + 1
  end
  return n
end

--- The same, once everything that was dropped has been collected.
function process.kept_fds()
  fds.settle()
  return process.fds()
end

function process.pid()
  local f = assert(io.open("/proc/self/stat"))
  local pid = f:read("*a"):match("^%d+")
  f:close()
  return pid
end

local function run(command)
  local pipe = assert(io.popen(command .. "; echo status $?"))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.*)status (%d+)\n$")
  return text, tonumber(status)
end

local function find(path_list, name)
  local file = name:gsub("%.", "/")
  for template in path_list:gmatch("[^;]+") do
    local path = template:gsub("%?", (file:gsub("%%", "%%%%")))
    if lfs.attributes(path) then
      return path
    end
  end
end

--- Runs a script as nobody, who need not see the tree: the module, and the FILES that the script
-- finds by their last names in its current directory, are copied.
-- @return its output, standard error included, and its exit status
function process.as_nobody(script, files)
  local dir = run("mktemp -d"):gsub("\n", "")
  local main = assert(io.open(dir .. "/main.lua", "w"))
  main:write(script)
  main:close()
  run(("mkdir %s/lbpf; cp %s %s/lbpf/core.so; cp -r %s %s; cp %s %s; chmod -R a+rX %s")
    :format(dir, find(package.cpath, "lbpf.core"), dir,
      find(package.path, "lbpf"):gsub("/init.lua$", ""), dir, table.concat(files, " "), dir, dir))
  local output, status = run(("cd %s; LUA_CPATH='./?.so' LUA_PATH='./?.lua;./?/init.lua' "
    .. "setpriv --reuid=65534 --regid=65534 --clear-groups %s main.lua 2>&1")
    :format(dir, os.getenv("LBPF_LUA") or "lua5.4"))
  run("rm -r " .. dir)
  return output, status
end

return process
