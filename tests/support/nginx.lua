--- nginx with its Lua module, as tests/nginx/run shows it.
local child = require "child"
local lfs = require "lfs"

local nginx = {}
nginx.__index = nginx

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- What each configuration here begins with. Workers are www-data's.
local HEAD = [[
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
pid nginx.pid;
error_log error.log notice;
user www-data;
]]

-- How lbpf is found, with what else the tests need: as options of an nginx.conf's http.
function nginx.lua_paths()
  local here = lfs.currentdir()
  return ([[
    lua_package_path "%s/lua/?.lua;%s/lua/?/init.lua;%s/tests/nginx/?.lua;;";
    lua_package_cpath "%s/build/luajit/?.so;;";
  ]]):format(here, here, here, here)
end

local TEMPORARY = [[
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
]]

--- A configuration: what is outside of http, and inside of it.
function nginx.conf(outside, http)
  return HEAD .. outside .. "\nhttp {\n" .. TEMPORARY .. nginx.lua_paths() .. http .. "\n}\n"
end

--- Starts nginx with a configuration, or fails with what it says.
function nginx.start(conf)
  local self = setmetatable({dir = os.tmpname()}, nginx)
  os.remove(self.dir)
  assert(child.succeeds("mkdir -m 755 " .. self.dir))
  self:configure(conf)
  local text, status = child.output(("/usr/sbin/nginx -p %s -c nginx.conf"):format(self.dir))
  if status ~= 0 then
    local log = self:log()
    child.succeeds("rm -r " .. self.dir)
    error(text .. log, 2)
  end
  self.master = tonumber(read(self.dir .. "/nginx.pid"))
  local n = tonumber(conf:match("worker_processes (%d+)"))
  child.wait_until(function() return #self:workers() == n end)
  return self
end

function nginx:configure(conf)
  write(self.dir .. "/nginx.conf", conf)
end

function nginx:log()
  return read(self.dir .. "/error.log") or ""
end

--- The processes whose parent this one is.
local function children(pid)
  local list = {}
  for number in (read(("/proc/%d/task/%d/children"):format(pid, pid)) or ""):gmatch("%d+") do
    list[#list + 1] = tonumber(number)
  end
  return list
end

local function title(pid)
  return read("/proc/" .. pid .. "/cmdline") or ""
end

--- The workers of a master that serve, without those that are about to end.
function nginx:workers(master)
  local list = {}
  for _, pid in ipairs(children(master or self.master)) do
    if title(pid):find("worker process", 1, true)
      and not title(pid):find("shutting down", 1, true) then
      list[#list + 1] = pid
    end
  end
  table.sort(list)
  return list
end

function nginx.kill(pid, signal)
  assert(child.succeeds(("kill -%s %d"):format(signal, pid)))
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then
      return true
    end
  end
end

function nginx.is_alive(pid)
  local state = (read("/proc/" .. pid .. "/stat") or ""):match("^%d+ %(.*%) (%a)")
  return state ~= nil and state ~= "Z"
end

--- Reloads, and returns once the master has reaped the old workers and as many new ones are there.
function nginx:reload()
  local old = self:workers()
  nginx.kill(self.master, "HUP")
  child.wait_until(function()
    for _, pid in ipairs(old) do
      if read("/proc/" .. pid .. "/stat") then
        return false
      end
    end
    return #self:workers() == #old
  end)
end

--- Ends a worker by force, and returns once another is in its place.
function nginx:kill_worker(pid)
  local n = #self:workers()
  nginx.kill(pid, "KILL")
  child.wait_until(function()
    local now = self:workers()
    return #now == n and not contains(now, pid)
  end)
end

--- Starts an example as it is, but for numbers in its nginx.conf: {seconds = 2}.
function nginx.example(dir, numbers)
  local self = setmetatable({dir = os.tmpname(), root = lfs.currentdir() .. "/" .. dir}, nginx)
  os.remove(self.dir)
  assert(child.succeeds("mkdir -m 755 " .. self.dir))
  local conf = read(dir .. "/nginx.conf")
  for name, n in pairs(numbers or {}) do
    conf = conf:gsub("(" .. name .. " = )%d+", "%1" .. n)
  end
  self:configure(conf)
  local text, status = child.output(("/usr/sbin/nginx -p %s -c %s/nginx.conf")
    :format(self.root, self.dir))
  assert(status == 0, text)
  self.master = tonumber(read(conf:match("\npid ([^;]+);")))
  child.wait_until(function() return #self:workers() > 0 end)
  return self
end

--- A page's text and its status. FROM runs curl: "ip netns exec peer".
function nginx.get(url, from)
  local text, status = child.output(("%s curl -s -m 5 -w '\\n%%{http_code}' '%s'")
    :format(from or "", url))
  local body, code = text:match("^(.*)\n(%d+)$")
  return body, status == 0 and tonumber(code) or nil
end

--- Ends it, gently unless told otherwise, and all that it wrote.
function nginx:stop(signal)
  if self.master and nginx.is_alive(self.master) then
    nginx.kill(self.master, signal or "QUIT")
    child.wait_until(function() return not nginx.is_alive(self.master) end)
  end
  child.succeeds("rm -rf " .. self.dir)
end

return nginx
