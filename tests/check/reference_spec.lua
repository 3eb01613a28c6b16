-- The reference: an example shows each public function, and specs run all examples. The annotations
-- for editors are those that the comments make.
local child = require "child"
local examples = require "examples"
local pages = require "pages"

-- LDoc's lists of what is public, of that which no example shows, and of examples.
local function listed()
  local missing, sources, names = {}, {}, {}
  for _, line in ipairs(child.lines(
    [[lua5.1 "$(command -v ldoc)" --filter docs.site.reference.list .]])) do
    local kind, name = line:match("^(%l+)\t(.*)$")
    if kind == "missing" then
      missing[#missing + 1] = name
    elseif kind == "example" then
      sources[#sources + 1] = name
    end
    if kind == "missing" or kind == "shown" then
      names[#names + 1] = name
    end
  end
  return names, missing, sources
end

local names, missing, sources = listed()

describe("the reference", function()
  it("has examples of all functions", function()
    assert.is_true(#names > 400)
    assert.same({}, missing)
  end)

  it("has no example that is not run", function()
    local run = {}
    for _, example in ipairs(examples.all()) do
      run[example.source:match("^[^\n]*")] = true
    end
    for _, first_line in ipairs(sources) do
      assert.is_true(run[first_line], first_line)
    end
  end)

  it("is what the annotations are made of", function()
    assert.equal("", child.output("diff -r build/annotations annotations"), "make annotations")
  end)
end)

describe("the annotations", function()
  local all = ""
  for _, path in ipairs(child.lines("find annotations -name '*.lua'")) do
    all = all .. pages.read(path)
    it(path .. " is Lua", function()
      assert(loadfile(path))
    end)
  end

  it("have all names", function()
    for _, name in ipairs(names) do
      local class, last = name:match("([%w_]+)([.:][%w_]+)$")
      local found = all:find("\nfunction " .. class .. last .. "(", 1, true)
        or all:find("\n" .. class .. last .. " = ", 1, true)
        or all:find("\nfunction " .. last:sub(2) .. "(", 1, true)
      assert.is_truthy(found, name)
    end
  end)

  it("name no type that there is not", function()
    assert.is_nil(all:match("\n%-%-%-@return [ |][^\n]*"))
    local known = {}
    local own = "nil boolean integer number string function table any lightuserdata file"
    for name in own:gmatch("%S+") do
      known[name] = true
    end
    for name in all:gmatch("\n%-%-%-@class ([%w_.]+)") do
      known[name] = true
    end
    for types in all:gmatch("\n%-%-%-@param [%w_.]+%?? (%S+)") do
      for name in types:gmatch("[%a_][%w_.]*") do
        assert.is_true(known[name], types)
      end
    end
    for types in all:gmatch("\n%-%-%-@return (%S+)") do
      for name in types:gmatch("[%a_][%w_.]*") do
        assert.is_true(known[name], types)
      end
    end
  end)
end)
