-- docs/contributing.md and docs/testing.md: the code is that of the files that it is from, and the
-- commands do what they say. Those that take minutes are only planned: make tells what it would do,
-- and of scripts it is seen whether they and the files that they are given exist.
local child = require "child"
local pages = require "pages"

local function plan(command)
  if command:find("^make") then
    return (command:gsub("^make", "make -n"))
  end
  local files = {}
  for word in command:gmatch("%f[%w]tests/%S+") do
    files[#files + 1] = "test -e " .. word
  end
  return table.concat(files, " && ")
end

-- Some are run: those that take a moment, with what is built.
local function is_run(command)
  return command:find("^tests/run host tests/unit/")
end

-- The commands of a page.
local function commands(page)
  for _, command in ipairs(page:commands()) do
    it("has " .. command, function()
      local text, status = child.output("unset MAKEFLAGS MAKELEVEL; "
        .. (is_run(command) and command or plan(command)))
      assert.equal(0, status, text)
    end)
  end
end

-- Without indentation.
local function flat(text)
  return (text:gsub("\n%s+", "\n"))
end

-- The page's block with a text is from a file.
local function shows(page, language, text, path)
  local block = page:take(language, text)
  it("shows " .. path, function()
    assert.is_truthy(flat(pages.read(path)):find(flat(block), 1, true))
  end)
end

describe("docs/contributing.md", function()
  local page = pages.open "docs/contributing.md"
  commands(page)
  shows(page, "c", "#pragma weak", "core/map/attr.c")
  shows(page, "c", "BIND_SETTER", "core/map/attr.c")
  shows(page, "c", "map_set_autoattach}", "core/map/attr.c")
  shows(page, "c", '{"map.autoattach"', "core/kernel/probe.c")
  shows(page, "lua", "hrtimer_nanosleep", "tests/kernel/attach_kprobe_spec.lua")
  shows(page, "lua", "autoattach", "tests/kernel/attributes_spec.lua")

  it("has no other block", function()
    assert.same({}, page:left())
  end)
end)

describe("docs/testing.md", function()
  local page = pages.open "docs/testing.md"
  commands(page)

  it("has no other block", function()
    assert.same({}, page:left())
  end)
end)
