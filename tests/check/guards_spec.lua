-- Each guard of tests/guards/list is where the list says: else tests/guards/run has nothing to take
-- out, and a test that does not notice it would not be found.
local child = require "child"

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

describe("tests/guards/list", function()
  local number = 0
  for line in io.lines "tests/guards/list" do
    number = number + 1
    local file, change = line:match("^[^#|]*|%s*(%S+)%s*|%s*(.-)%s*|")
    if file then
      it(("has the guard of line %d, of %s"):format(number, file), function()
        local command = "perl -0pe %s %s | cmp -s - %s"
        local _, status = child.output(command:format(quoted(change), file, file))
        assert.equal(1, status)
      end)
    end
  end
end)
