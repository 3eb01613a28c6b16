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

local function values(n)
  local list = {}
  for i = 1, n do
    list[i] = "v" .. i
  end
  return table.concat(list, ", ")
end

-- Sets each member, in a table's constructor or one by one.
local function assignments(names, n, target, separator)
  local list = {}
  for i = 1, n do
    list[i] = ("%s[%q] = v%d"):format(target, names[i + 1], i)
  end
  return table.concat(list, separator)
end

local function source(form, names, n, fills)
  local make = "made = {" .. assignments(names, n, "", ", ") .. "}"
  if fills then
    make = "made = into; " .. assignments(names, n, "made", "; ")
  end
  return "local fn, into, slow = ... return function" .. forms[form]:gsub("%u+", {
    VALUES = values(n), MAKE = "if made == false then " .. make .. " end",
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
