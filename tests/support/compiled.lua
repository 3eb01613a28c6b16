--- Programs in Lua, compiled for a spec.
local lbpf = require "lbpf"

local compiled = {}

--- Loads an object; an error has the verifier's log.
function compiled.load(object)
  local ok, message, _, log = object:load()
  assert(ok, tostring(message) .. "\n" .. tostring(log))
end

--- What the map `out` has.
function compiled.out(object)
  local out = {}
  for key, value in object.maps.out:view({numbers = true}):pairs() do
    out[key.k1] = value.v
  end
  return out
end

--- What programs could not do, from the plan and the map `problems`.
function compiled.problems(object, plan)
  local found = {}
  for i, problem in ipairs(plan.problems) do
    local total = 0
    for _, n in ipairs(object.maps.problems:view({numbers = true}):lookup(i - 1)) do
      total = total + n
    end
    if total > 0 then
      found[#found + 1] = problem.place .. ": " .. problem.message
    end
  end
  return found
end

--- Why a program cannot be compiled.
function compiled.message(section, text)
  local bytes, message = lbpf.compile({{section, text}})
  assert(not bytes, "it was compiled")
  return message
end

return compiled
