--- Scripts in build/LUA/host: a program that embeds Lua, and uses libbpf itself (tests/embed).
local host = {}

--- Runs a script there. Fails with what it printed unless it ended well.
function host.run(script)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  -- exec: the shell shall not be sanitized
  local build = os.getenv("LBPF_BUILD")
  local pipe = assert(io.popen(("LUA_CPATH='%s/?.so;;' exec %s/host %s 2>&1"):format(build, build,
    path)))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(path)
  if output ~= "done\n" then
    error(output, 0)
  end
end

return host
