-- The reference: an example shows each public function, and specs run all examples.
local examples = require "examples"

-- LDoc's lists of what is public, and of examples.
local function listed()
  local pipe = assert(io.popen(
    [[lua5.1 "$(command -v ldoc)" --filter docs.site.reference.list . 2>&1]]))
  local missing, sources, names = {}, {}, 0
  for line in pipe:lines() do
    local kind, name = line:match("^(%l+)\t(.*)$")
    if kind == "missing" then
      missing[#missing + 1] = name
    elseif kind == "example" then
      sources[#sources + 1] = name
    end
    names = names + (kind == "example" and 0 or kind and 1 or 0)
  end
  pipe:close()
  return missing, sources, names
end

describe("the reference", function()
  local missing, sources, names = listed()

  it("has examples of all functions", function()
    assert.is_true(names > 400)
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
end)
