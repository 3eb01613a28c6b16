--- LuaJIT runs generated code in place of C where it can see through it: from C an integer of 64
-- bits costs more than all else of an event; in a trace it costs nothing.
--
-- Each part is loaded when it is first used.
local core = require "lbpf.core"

core.set_compiler(function(...)
  return require("lbpf.jit.events")(...)
end)
