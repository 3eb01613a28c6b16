-- Hazard 40: After a failure a linker can only be freed. Every other call on it raises.
local elf = require "elf"
local lbpf = require "lbpf"
local needs = require "needs"
local u32 = require "bytes".u32

local main, other = "build/bpf/link_main.bpf.o", "build/bpf/link_other.bpf.o"
local extern = "build/bpf/link_extern.bpf.o"

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

  -- libbpf's linker crashes on each of these.
  describe("refuses", function()
    local LORESERVE, NOBITS, SYMBOL = "\0\255", "\8\0\0\0", 24

    local function refuses_file(why, ...)
      local files = {...}
      for i = 1, #files - 1 do
        assert(linker:add_buf(files[i]))
      end
      local added, message, errno = linker:add_buf(files[#files])
      assert.is_nil(added)
      assert.equal(22, errno)
      assert.matches(why, message)
    end

    local function with_header(bytes, name, offset, new)
      return elf.patch(bytes, elf.section(bytes, name).header + offset, new)
    end

    it("symbols in sections that do not exist", function()
      local bytes = elf.read(other)
      local symtab = elf.section(bytes, ".symtab")
      for i = 1, symtab.size / SYMBOL - 1 do
        local symbol = symtab.offset + i * SYMBOL
        if bytes:byte(symbol + 5) % 16 == 3 then -- of a section
          bytes = elf.patch(bytes, symbol + 6, LORESERVE)
        end
      end
      refuses_file("symbol %d+ is in section 65280, which does not exist", bytes)
    end)

    it("relocations beyond the end of a section", function()
      local bytes = elf.read(main)
      local relocations = elf.section(bytes, ".relraw_tp/sys_enter")
      refuses_file("relocation 0 of section raw_tp/sys_enter is beyond its end",
        elf.patch(bytes, relocations.offset, "\0\0\0\255\0\0\0\0"))
    end)

    it("a license without contents", function()
      refuses_file("section license has no contents",
        with_header(elf.read(main), "license", 4, NOBITS))
    end)

    it("alignments of gigabytes", function()
      refuses_file("section %.bss has an alignment of more than 1048576",
        with_header(elf.read(main), ".bss", 0x30, "\0\0\0\0\1\0\0\0"))
    end)

    it("sections without contents of gigabytes", function()
      refuses_file("section %.bss is too large",
        with_header(elf.read(main), ".bss", 0x20, "\0\0\0\128\0\0\0\0"))
    end)

    it("a section of the name that libbpf gives to its own", function()
      refuses_file("section %.extern is not one that compilers write",
        (elf.read(main):gsub("%.debug_frame", ".extern\0\0\0\0\0")))
    end)

    it("a section that is empty in two files", needs("no libbpf 1.3", function()
      local function empty(name)
        return with_header(elf.read(name), "license", 0x20, ("\0"):rep(8))
      end
      refuses_file("section license is empty in two files", empty(main), empty(other))
    end))

    it("a variable that was in another section before", function()
      refuses_file("'added' is in section %.data, and was in %.kconfig before",
        elf.read(extern), elf.read(other))
    end)

    it("types without a section that would need one", function()
      local bytes = elf.read(extern):gsub("%.kconfig", ".relaxed")
      refuses_file("BTF has a section %.relaxed, which the file does not have", bytes)
    end)

    it("pointers that point to themselves", function()
      local types = u32(0) .. u32(2 * 2 ^ 24) .. u32(1) -- a pointer to type 1, this one
      local btf = "\159\235\1\0" .. u32(24) .. u32(0) .. u32(#types) .. u32(#types) .. u32(1)
        .. types .. "\0"
      local bytes = with_header(elf.read(main), ".BTF", 0x20, u32(#btf) .. u32(0))
      refuses_file("BTF type 1 refers to itself",
        elf.patch(bytes, elf.section(bytes, ".BTF").offset, btf))
    end)
  end)
end)
