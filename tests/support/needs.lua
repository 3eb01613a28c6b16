--- What a spec needs of the machine: `it("...", needs("kprobes", function() ... end))`.
--
-- Each need is tried once per run, see probes.lua. Where one is not met the spec is skipped, and
-- neither it nor the before_each() around it runs; the report says why.
--
-- For a machine whose kernel and userland we choose, tests/cells/CELL lists what is missing, and
-- tests/cells/LUA, if it is there, what that Lua lacks. Then any other miss fails, and so does a
-- need that is met although a list says it is missing: what the probes need may be broken, too.
local probes = require "probes"

local needs = {
  missed = {}, -- by need: the number of specs, and why; lasts from file to file
}

local function expected(list)
  local missing = {}
  local file = io.open("tests/cells/" .. list)
  if not file then
    return nil
  end
  for line in file:lines() do
    local need = line:match("^([^#]-)%s*$") or line:match("^([^#]-)%s*#")
    if need and need ~= "" then
      missing[need] = list
    end
  end
  file:close()
  return missing
end

local cell, lua = os.getenv("LBPF_CELL") or "host", os.getenv("LBPF_LUA") or "lua"
local missing = expected(cell)
if missing then
  for need, list in pairs(expected(lua) or {}) do
    missing[need] = list
  end
end

local known = {}

-- Is it there, and if not, why?
local function try(need)
  local other = need:match("^no (.+)$")
  if other then
    return not try(other), "there is " .. other
  end
  if not known[need] then
    local name, version = need:match("^(%S+)%s*(.*)$")
    local probe = probes[need] or probes[name] or error("no probe for the need '" .. need .. "'")
    local ran, met, why = pcall(probe, version)
    if not ran then
      met, why = false, met
    end
    known[need] = {met = met and true or false,
      why = tostring(why or "no"):match("[^\n]*"):gsub("^[^ ]+%.lua:%d+: ", "")}
  end
  return known[need].met, known[need].why
end

--- Is it there? Whatever the lists say.
function needs.met(need)
  return (try(need))
end

-- By the functions of the specs that are skipped.
local reasons = {}

--- Why the spec with that function is skipped; nil: it runs.
function needs.reason(test)
  local skip = reasons[test]
  return skip and ("needs %s: %s"):format(skip.need, skip.why)
end

--- Counts the spec among those that are skipped.
function needs.count(test)
  local skip = reasons[test]
  local missed = needs.missed[skip.need] or {specs = 0, why = skip.why}
  needs.missed[skip.need] = missed
  missed.specs = missed.specs + 1
end

-- The function of a spec that is skipped.
local function skips(need, why)
  local function test()
    error("does not say itself that it needs " .. need, 0) -- of a setup(), or a before_each()
  end
  reasons[test] = {need = need, why = why}
  return test
end

local function fails(message, ...)
  message = message:format(...)
  return function()
    error(message, 0)
  end
end

--- @param list one need or a list: "root", "kprobes", "no kprobes", "libbpf 1.5"
setmetatable(needs, {__call = function(_, list, test)
  for _, need in ipairs(type(list) == "table" and list or {list}) do
    local met, why = try(need)
    if met and missing and missing[need] then
      return fails("tests/cells/%s says that '%s' is missing, but it is there", missing[need], need)
    elseif not met and missing and not missing[need] then
      return fails("'%s' is missing, and tests/cells/%s does not expect that: %s", need, cell, why)
    elseif not met then
      return skips(need, why)
    end
  end
  return test
end})

return needs
