--- What a run of the whole suite must have run on any machine: tests/floor.
local needs = require "needs"

local floor = {}

local ran = {}

--- Some spec of the file passed.
function floor.ran(file)
  ran[file] = true
end

-- "root, tracefs"
local function all_met(list)
  for need in list:gmatch("[^, ]+") do
    if not needs.met(need) then
      return false
    end
  end
  return true
end

--- Those of the files that this machine must run and of which no spec passed: a list of {file,
-- message}. Empty unless the whole suite ran.
function floor.missed()
  local list = {}
  if not os.getenv("LBPF_WHOLE") then
    return list
  end
  for line in io.lines("tests/floor") do
    local file, wanted = line:match("^(tests/%S+)%s*(.*)$")
    if file and not ran[file] and all_met(wanted) then
      list[#list + 1] = {
        file = file,
        message = "none of its specs passed, and they are to run on every machine; "
          .. "what this one lacks is listed below",
      }
    end
  end
  return list
end

return floor
