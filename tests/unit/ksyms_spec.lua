-- How attach_kprobe_multi finds functions by a pattern on older versions of libbpf: the part that
-- needs no kernel.

local function run(...)
  local command = {"build/helpers/ksyms"}
  for _, argument in ipairs({...}) do
    command[#command + 1] = "'" .. argument .. "'"
  end
  local lines = {}
  local pipe = assert(io.popen(table.concat(command, " ")))
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  pipe:close()
  return lines
end

describe("A pattern", function()
  local function matching(pattern, ...)
    return run("matches", pattern, ...)
  end

  it("without wildcards is a name", function()
    assert.same({"vfs_read"}, matching("vfs_read", "vfs_read", "vfs_readv", "vfs_rea", "vfs"))
  end)

  it("has * for any string, the empty one too", function()
    assert.same({"vfs_", "vfs_read"}, matching("vfs_*", "vfs_", "vfs_read", "vfs", "a_vfs_"))
    assert.same({"vfs_read", "_read"}, matching("*_read", "vfs_read", "_read", "read_", "_reads"))
    assert.same({"a", "abc"}, matching("*", "a", "abc"))
    assert.same({"a"}, matching("a***", "a", "b"))
  end)

  it("tries a * anew where what follows it comes again", function()
    assert.same({"ab_ab_c", "abc"}, matching("ab*c", "ab_ab_c", "abc", "ab_ab_d"))
    assert.same({"aXbYbcZ"}, matching("a*b?Z", "aXbYbcZ", "aXbZ"))
    assert.same({"xyxyz"}, matching("*xyz", "xyxyz", "xyxy"))
  end)

  it("has ? for one character", function()
    assert.same({"do_a", "do_b"}, matching("do_?", "do_a", "do_b", "do_", "do_ab"))
  end)
end)

describe("The functions of a pattern", function()
  local names = {}

  local function write(text)
    local name = os.tmpname()
    names[#names + 1] = name
    local file = assert(io.open(name, "w"))
    file:write(text)
    file:close()
    return name
  end

  after_each(function()
    for _, name in ipairs(names) do
      os.remove(name)
    end
    names = {}
  end)

  local function select(pattern, traceable, kallsyms)
    return run("select", pattern, write(traceable), kallsyms and write(kallsyms))
  end

  local KALLSYMS = [[
ffffffff81000010 T vfs_read
ffffffff81000020 t vfs_write
ffffffff81000030 T vfs_open
ffffffff81000040 d vfs_data
ffffffffc0000050 t vfs_module	[ext4]
ffffffff81000060 t vfs_split.llvm.123456
ffffffff81000020 t vfs_write
]]

  it("are those that can be traced, with their addresses", function()
    assert.same({"ffffffff81000010", "ffffffff81000030"},
      select("vfs_*", "vfs_open\nvfs_read\nother\n", KALLSYMS))
  end)

  it("may be a module's", function()
    assert.same({"ffffffffc0000050"}, select("vfs_m*", "vfs_module [ext4]\n", KALLSYMS))
  end)

  it("have as many addresses as there are functions of a name", function()
    assert.same({"ffffffff81000020", "ffffffff81000020"},
      select("vfs_write", "vfs_write\n", KALLSYMS))
  end)

  it("may be listed without the compiler's suffix", function()
    assert.same({"ffffffff81000060"}, select("vfs_sp*", "vfs_split\n", KALLSYMS))
  end)

  it("are missing: ENOENT", function()
    assert.same({"2"}, select("nothing*", "vfs_read\n", KALLSYMS))
    assert.same({"2"}, select("vfs_gone", "vfs_gone\n", KALLSYMS))
  end)

  it("may be many", function()
    local traceable, kallsyms = {}, {}
    for i = 1, 1000 do
      traceable[i] = ("function_%d"):format(i)
      kallsyms[i] = ("%016x T function_%d"):format(i, i)
    end
    assert.equal(1000, #select("function_*", table.concat(traceable, "\n"),
      table.concat(kallsyms, "\n")))
  end)

  it("are those of one file, where that has addresses", function()
    local traceable = "ffffffff81000040 vfs_read\nffffffff81000080 vfs_write [fs]\n"
      .. "ffffffff810000c0 do_exit\n"
    assert.same({"ffffffff81000040", "ffffffff81000080"}, select("vfs_*", traceable))
    assert.same({"2"}, select("no_*", traceable))
  end)
end)
