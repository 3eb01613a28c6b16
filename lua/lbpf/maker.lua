-- Functions that make the tables of structures. C passes the values of the members: setting these
-- takes less time here than by the functions that C has for it.

-- What is called with a structure, or returns one, and what comes before or after it. `made` is
-- false, or the table if C has made it: then there are no members. For what is not of this type, or
-- not there yet, `slow` is called.
local forms = {
  event = "(made, VALUES) MAKE return fn(made) end",
  event_cpu = "(made, VALUES, cpu) MAKE return fn(made, cpu) end",
  next = "() local made, VALUES = fn() REST MAKE return made end",
  next_cpu = "() local made, VALUES, cpu = fn() REST MAKE return made, cpu end",
  entry = "() local key, made, VALUES = fn() MAKE return key, made end",
}

local load = rawget(_G, "loadstring") or load -- that of Lua 5.1 takes no string

local function source(form, names, n, fills)
  local values, members = {}, {}
  for i = 1, n do
    values[i] = "v" .. i
    members[i] = ("%s[%q] = v%d"):format(fills and "made" or "", names[i + 1], i)
  end
  local make = fills and "made = into; " .. table.concat(members, "; ")
    or "made = {" .. table.concat(members, ", ") .. "}"
  return "local fn, into, slow = ... return function" .. forms[form]:gsub("%u+", {
    VALUES = table.concat(values, ", "), MAKE = "if made == false then " .. make .. " end",
    REST = "if made == nil then return slow() end",
  })
end

-- Generated code by the names that it sets, which belong to one type.
local known = setmetatable({}, {__mode = "k"})

-- Makes such a function of FN, for the type whose NAMES these are: that of member I at I + 1, up to
-- N. INTO is filled again, if it is not nil.
return function(form, names, n, fn, into, slow)
  local key = into and form .. ", again" or form
  local chunks = known[names] or {}
  known[names] = chunks
  chunks[key] = chunks[key] or assert(load(source(form, names, n, into ~= nil), "=lbpf"))
  return chunks[key](fn, into, slow)
end
