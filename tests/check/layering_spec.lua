-- tests/check/layering refuses what it is there for.

describe("the check of the layers", function()
  local dir

  before_each(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(os.execute(("mkdir %s && cp -r lbpf.c core lua %s"):format(dir, dir)))
  end)

  after_each(function()
    os.execute("rm -r " .. dir)
  end)

  local function add(path, line)
    local file = assert(io.open(dir .. "/" .. path, "a"))
    file:write(line, "\n")
    file:close()
  end

  local function check()
    local here = io.popen("pwd"):read("*l")
    local pipe = io.popen(("cd %s && lua5.4 %s/tests/check/layering 2>&1"):format(dir, here))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  it("accepts the code as it is", function()
    assert.is_nil(check():find(": ", 1, true))
  end)

  it("refuses one that goes up", function()
    add("core/map/map.c", '#include "attach/link.h"')
    assert.is_truthy(check():find(
      "core/map/map.c: includes attach/link.h: attach is above map", 1, true))
  end)

  it("refuses a circle, and says which way around it goes", function()
    add("core/base/class.h", '#include "base/frame.h"')
    assert.is_truthy(check():find("core: a circle of includes: ", 1, true))
    assert.is_truthy(check():find("base/class -> base/frame -> base/class", 1, true))
  end)

  it("refuses a name that is taken", function()
    add("core/map/map.c", "static int link_gc(lua_State *L)\n{\n}")
    assert.is_truthy(check():find("core/map/map.c: has link_gc(), as core/attach/link.c has", 1,
      true))
  end)

  it("refuses a folder without a rank", function()
    assert(os.execute(("cp -r %s/core/open %s/core/attic"):format(dir, dir)))
    assert.is_truthy(check():find("core/attic/open.c: is in a folder that has no rank", 1, true))
  end)
end)
