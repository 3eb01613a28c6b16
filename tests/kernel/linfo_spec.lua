-- Which source line an instruction of a loaded program comes from.
local lbpf = require "lbpf"
local needs = require "needs"

local path = "build/bpf/btf.bpf.o"

-- The numbers of the lines with these texts.
local function find_lines(source, texts)
  local found, n = {}, 0
  for line in io.lines(source) do
    n = n + 1
    for key, text in pairs(texts) do
      if line:find(text, 1, true) then
        found[key] = n
      end
    end
  end
  return found
end

describe("lines of a program", function()
  it("are found by its instructions", needs("root", function()
    local obj = assert(lbpf.open(path))
    assert(obj:load())
    local lines = assert(lbpf.prog_linfo(obj.progs.lines))
    local at = find_lines("tests/bpf/btf.bpf.c",
      {first = "int n = hidden", condition = "if (n > 7)", last = "return n;"})
    local first = lines:lfind(0)
    assert.equal(0, first.insn_off)
    assert.equal(at.first, first.line)
    assert.equal("\tint n = hidden;", first.text)
    assert.matches("tests/bpf/btf%.bpf%.c$", first.file)
    assert.is_true(first.col > 0)
    assert.equal(at.last, lines:lfind(1000).line)
    local seen = {}
    for i = 0, 20 do
      seen[lines:lfind(i).line] = true
    end
    assert.is_true(seen[at.condition])
    -- records that are skipped are not found
    local second = lines:lfind(1000, 1)
    assert.equal(at.last, second.line)
    assert.is_nil(lines:lfind(0, 1))
    assert.is_nil(lines:lfind(0, 100000))
    -- the same through a descriptor; and they outlive the program
    assert.same(first, assert(lbpf.prog_linfo(obj.progs.lines:fd())):lfind(0))
    obj:close()
    assert.same(first, lines:lfind(0))
    assert.is_true(lines:close())
    assert.is_true(lines:close())
    assert.error_matches(function()
      lines:lfind(0)
    end, "the lines are closed")
  end))

  it("are found by addresses of the machine code, where the kernel tells them", needs("root",
    function()
      local obj = assert(lbpf.open(path))
      assert(obj:load())
      local lines = assert(lbpf.prog_linfo(obj.progs.lines))
      assert.is_nil(lines:lfind_addr_func(0, 0))
      assert.is_nil(lines:lfind_addr_func("0xffffffffffffffff", 1))
      local last = lines:lfind_addr_func("0xffffffffffffffff", 0)
      local f = io.open("/proc/sys/net/core/bpf_jit_enable")
      local is_jited = f == nil or f:read("*n") ~= 0
      if f then
        f:close()
      end
      if is_jited then
        assert.equal(lines:lfind(1000).line, last.line)
      end
      obj:close()
    end))

  it("do not exist for what is not a program", function()
    local f = assert(io.open("/dev/null"))
    local lines, message, errno = lbpf.prog_linfo(0)
    f:close()
    assert.is_nil(lines)
    assert.matches("^lines of program with fd 0: ", message)
    assert.is_true(errno > 0)
    assert.error_matches(function()
      lbpf.prog_linfo("x")
    end, "expected a file descriptor")
  end)
end)
