-- Hazard 40: After a failure a linker can only be freed. Every other call on it raises.
local elf = require "elf"
local lbpf = require "lbpf"

local main, other = "build/bpf/link_main.bpf.o", "build/bpf/link_other.bpf.o"

describe("a linker", function()
  local path, linker

  before_each(function()
    path = os.tmpname()
    linker = assert(lbpf.linker(path))
  end)

  after_each(function()
    os.remove(path)
  end)

  -- Neither of these may be done now, and the error says WHY.
  local function refuses(why, methods)
    for _, method in ipairs(methods or {"add_file", "add_fd", "add_buf", "finalize"}) do
      local arg = method == "add_fd" and 0 or main
      assert.error_matches(function()
        linker[method](linker, arg)
      end, why, nil, true)
    end
  end

  it("that is new has nothing to write", function()
    refuses("linker '" .. path .. "' has nothing to write: add a file", {"finalize"})
    assert.equal(linker, linker:add_file(main))
  end)

  it("that has failed can only be closed", function()
    assert(linker:add_file(other))
    assert.is_nil((linker:add_file(other)))
    refuses("linker '" .. path .. "' can only be closed: it has failed")
    assert.is_true(linker:close())
  end)

  it("fails for an input that is not an object, with every libbpf", function()
    local name = os.tmpname()
    for _, bytes in ipairs({"", "no object at all", elf.read(main):sub(1, 100)}) do
      local f = assert(io.open(name, "wb"))
      f:write(bytes)
      f:close()
      linker = assert(lbpf.linker(path))
      local nothing, message, errno = linker:add_file(name)
      assert.is_nil(nothing)
      assert.is_string(message)
      assert.is_true(errno > 0)
      refuses("it has failed")
    end
    os.remove(name)
  end)

  it("that has written its file can only be closed", function()
    assert(linker:add_file(main))
    assert(linker:add_file(other))
    assert(linker:finalize())
    refuses("linker '" .. path .. "' has written its file already")
    assert.is_true(linker:close())
    assert.is_not_nil((lbpf.open(path)))
  end)

  it("is closed for good, at any time, and any number of times", function()
    assert(linker:add_file(main))
    assert.is_true(linker:close())
    assert.is_true(linker:close())
    refuses("linker '" .. path .. "' is closed")
    assert.equal("lbpf.linker: " .. path .. " (closed)", tostring(linker))
  end)

  it("is not closed under libbpf by who reads its messages", function()
    local refused
    assert(linker:add_file(other))
    lbpf.set_print(function(level)
      if level == "warn" then
        refused = select(2, pcall(linker.close, linker))
      end
    end)
    local added = linker:add_file(other)
    lbpf.set_print(nil)
    assert.is_nil(added)
    assert.equal("linker '" .. path .. "' is busy: close() inside its own callback", refused)
  end)

  it("does not take BTF that cannot be", function()
    local bytes = elf.read(main)
    local section = elf.section(bytes, ".BTF")
    local types = section.offset + elf.uint(bytes, section.offset + 4, 4)
    local nothing, message = linker:add_buf(elf.patch(bytes, types + 8, "\255\255\255\0"))
    assert.is_nil(nothing)
    assert.matches("link 'memory': ", message, 1, true)
    refuses("it has failed")
  end)
end)
