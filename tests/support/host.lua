--- Scripts in programs that embed Lua (tests/embed).
local host = {}

--- What a program of build/LUA prints that runs the script. LUA: another build, for the module that
-- the script finds. ENVIRONMENT: "NAME=value".
function host.output(program, script, lua, environment)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  -- exec: the shell shall not be sanitized
  local build = os.getenv("LBPF_BUILD")
  local pipe = assert(io.popen(("LUA_CPATH='%s/?.so;;' %s exec %s/%s %s 2>&1"):format(
    lua and "build/" .. lua or build, environment or "", build, program, path)))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(path)
  return output
end

--- Runs a function of tests/support/programs/FILE.lua in the program `host`, which uses libbpf
-- itself, and has one function of libbpf's names. Fails with what it printed unless it ended well.
function host.run(file, name)
  local script = ("require('programs.%s').%s() print('done')"):format(file, name)
  local output = host.output("host", script, nil, "LBPF_INTERPOSED=allow")
  if output ~= "done\n" then
    error(output, 0)
  end
end

return host
