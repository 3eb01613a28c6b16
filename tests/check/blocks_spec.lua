-- Each page of the project with code has a spec that runs all of it.
local child = require "child"
local pages = require "pages"

describe("a spec runs the code of", function()
  local opened = {}
  for _, path in ipairs(child.lines("grep -l ':left()' tests/*/*_spec.lua")) do
    for page in pages.read(path):gmatch('pages%.open "(.-)"') do
      opened[page] = true
    end
  end

  for _, path in ipairs(child.lines("ls README.md docs/*.md examples/README.md")) do
    if #pages.open(path):left() > 0 then
      it(path, function()
        assert.is_true(opened[path], "no spec runs it and leaves no block")
      end)
    end
  end
end)
