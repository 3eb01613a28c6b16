-- Hazard 38: Object files may be damaged, and libbpf before 1.3 trusts the ids and offsets in
-- .BTF. A file is checked before libbpf reads it.
local elf = require "elf"
local lbpf = require "lbpf"

local path = "build/bpf/btf.bpf.o"

local function u32(n)
  return string.char(n % 256, math.floor(n / 2^8) % 256, math.floor(n / 2^16) % 256,
    math.floor(n / 2^24))
end

describe("an object file", function()
  local bytes, types, first

  before_each(function()
    bytes = elf.read(path)
    types = assert(lbpf.btf_parse(path))
    local section = elf.section(bytes, ".BTF")
    first = section.offset + elf.uint(bytes, section.offset + 4, 4)
  end)

  -- Where the words of a type begin in the file; its fixed ones and those after them are counted.
  local function at(id)
    local sizes = {int = 4, array = 12, var = 4, decl_tag = 4}
    local parts = {struct = {"members", 12}, union = {"members", 12}, enum = {"values", 8},
      enum64 = {"values", 12}, func_proto = {"params", 8}, datasec = {"vars", 12}}
    local offset = first
    for t in types:each_type() do
      if t.id == id then
        return offset
      end
      local part = parts[t.kind]
      offset = offset + 12 + (sizes[t.kind] or part and #t[part[1]] * part[2] or 0)
    end
  end

  -- What open says when a word of a type is another; from a file and from memory.
  local function refusal(id, word, value)
    local changed = elf.patch(bytes, at(id) + 4 * word, u32(value))
    local name = os.tmpname()
    local f = assert(io.open(name, "wb"))
    f:write(changed)
    f:close()
    local obj, message, errno = lbpf.open(name)
    assert.is_nil(obj)
    assert.equal(22, errno)
    local output = os.tmpname()
    local linker = assert(lbpf.linker(output))
    local linked, also = linker:add_file(name)
    assert.is_nil(linked)
    os.remove(output)
    os.remove(name)
    local why = message:match("^open '[^']*': (.*): Invalid argument %(EINVAL%)$")
    if why then
      assert.equal(why, also:match("^link '[^']*': (.*): Invalid argument %(EINVAL%)$"))
    end
    local in_memory, its_message = lbpf.open_mem(changed)
    assert.is_nil(in_memory)
    assert.equal(why, its_message:match("^open 'memory': (.*): Invalid argument %(EINVAL%)$"))
    return why or message
  end

  local function find(name, kind)
    return types:find_by_name_kind(name, kind)
  end

  it("is opened as it is", function()
    local obj = assert(lbpf.open_mem(bytes))
    assert.equal(types:type_cnt(), obj:btf():type_cnt())
    obj:close()
  end)

  it("is refused with ids beyond its types", function()
    local all, point = find("all", "struct"), find("point_t", "typedef")
    local function missing(id)
      return ("BTF type %d refers to missing type 9999"):format(id)
    end
    -- what libbpf 1.3 and newer refuses itself gets libbpf's own message
    local function check(expected, got)
      if got ~= expected then
        assert.matches("invalid referenced type ID 9999", got)
      end
    end
    check(missing(point), refusal(point, 2, 9999))
    check(missing(all), refusal(all, 4, 9999))
    check(missing(find("lines", "func")), refusal(find("lines", "func"), 2, 9999))
    check(missing(find(".data", "datasec")), refusal(find(".data", "datasec"), 3, 9999))
    check(missing(find("hidden", "var")), refusal(find("hidden", "var"), 2, 9999))
  end)

  it("is refused with names beyond its strings", function()
    local all = find("all", "struct")
    local own = refusal(all, 0, 99999)
    if own ~= ("BTF type %d has its name at offset 99999, beyond the strings"):format(all) then
      assert.matches("string offset 99999", own)
    end
    own = refusal(all, 3, 99999)
    if own ~= ("BTF type %d has a part with its name at 99999, beyond the strings"):format(all) then
      assert.matches("string offset 99999", own)
    end
  end)

  it("is refused with types that contain themselves", function()
    local point, all = find("point_t", "typedef"), find("all", "struct")
    assert.equal(("BTF type %d refers to itself"):format(point), refusal(point, 2, point))
    assert.matches("BTF type %d+ refers to itself", refusal(all, 4, all))
  end)

  it("is refused with a section that holds no variables", function()
    local data, int = find(".data", "datasec"), find("int", "int")
    assert.equal(("BTF type %d is a section that contains type %d, which is not a variable")
      :format(data, int), refusal(data, 3, int))
  end)

  it("may end anywhere", function()
    for size = 1, #bytes - 1, 7 do
      local obj, message, errno = lbpf.open_mem(bytes:sub(1, size))
      if obj then
        obj:close()
      else
        assert.matches("^open 'memory': ", message)
        assert.is_true(errno > 0)
      end
    end
  end)

  it("may have sections that lie anywhere", function()
    for _, section in ipairs(elf.sections(bytes)) do
      for field = 0, 0x38, 8 do
        for _, value in ipairs({"\255\255\255\255\255\255\255\255", "\0\0\0\0\0\0\0\0",
          "\255\255\255\127\0\0\0\0", u32(#bytes - 1) .. "\0\0\0\0"}) do
          local obj, message = lbpf.open_mem(elf.patch(bytes, section.header + field, value))
          if obj then
            obj:close()
          else
            assert.matches("^open 'memory': ", message)
          end
        end
      end
    end
  end)
end)
