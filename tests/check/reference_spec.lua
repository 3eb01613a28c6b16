-- The reference: an example shows each public function, and specs run all examples. The annotations
-- for editors are those that the comments make.
local examples = require "examples"

-- LDoc's lists of what is public, of that which no example shows, and of examples.
local function listed()
  local pipe = assert(io.popen(
    [[lua5.1 "$(command -v ldoc)" --filter docs.site.reference.list . 2>&1]]))
  local missing, sources, names = {}, {}, {}
  for line in pipe:lines() do
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
  pipe:close()
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
    local pipe = assert(io.popen("diff -r build/annotations annotations 2>&1"))
    local difference = pipe:read("*a")
    pipe:close()
    assert.equal("", difference, "make annotations")
  end)
end)

describe("the annotations", function()
  local all = ""
  local pipe = assert(io.popen("find annotations -name '*.lua'"))
  for path in pipe:lines() do
    local file = assert(io.open(path))
    all = all .. file:read("*a")
    file:close()
    it(path .. " is Lua", function()
      assert(loadfile(path))
    end)
  end
  pipe:close()

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
    local own = "nil boolean integer number string function table any lightuserdata"
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
