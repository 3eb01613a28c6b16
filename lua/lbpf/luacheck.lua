--- What luacheck must know of programs in Lua: a std, with the built-ins as globals. It needs no C
-- module, so that any Lua can run it.
--
-- @module lbpf.luacheck

local builtins = require("lbpf.compiler.builtins").all

-- "bit.band" is a field; those that are no functions may have fields: args.filename.
local globals = {}
for name, builtin in pairs(builtins) do
  local table_name, field = name:match("^(.+)%.(.+)$")
  if table_name then
    globals[table_name] = globals[table_name] or {fields = {}}
    globals[table_name].fields[field] = {}
  else
    globals[name] = {other_fields = not builtin.call}
  end
end

return {read_globals = globals}
