-- Names for addresses, and what is made of stacks with names.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- The address of the byte at OFFSET of FILE in a process.
local function address_in(pid, file, offset)
  for line in io.lines(("/proc/%d/maps"):format(pid)) do
    local first, last, start, path = line:match("^(%x+)%-(%x+) ..x. (%x+) %S+ %d+%s+(.*)$")
    if path and path:find(file, 1, true) then
      first, last, start = tonumber(first, 16), tonumber(last, 16), tonumber(start, 16)
      if offset >= start and offset < start + last - first then
        return first + offset - start
      end
    end
  end
end

describe("the symbols of a list like kallsyms", function()
  local path, symbols

  local function read(text)
    write(path, text)
    symbols = assert(lbpf.kallsyms(path))
    return symbols
  end

  before_each(function()
    path = os.tmpname()
  end)

  after_each(function()
    os.remove(path)
  end)

  it("are found by any address of a function", function()
    read("0000000000001000 T first\n0000000000002000 t second\t[module]\n0000000000003000 T last\n")
    assert.same({"first", 0}, {symbols:find(0x1000)})
    assert.same({"first", 0xfff}, {symbols:find(0x1fff)})
    assert.same({"second", 1, "module"}, {symbols:find(0x2001)})
    assert.is_nil(symbols:find(0xfff))
    assert.is_nil(symbols:find(0x3000)) -- nothing says where it ends
  end)

  it("are found in whatever order they come", function()
    local lines = {}
    local function add(first, last, step)
      for i = first, last, step do
        lines[#lines + 1] = ("%016x T f%d\n"):format(0x1000 * i, i)
      end
    end
    add(1, 40, 1)   -- in order, as the kernel's own,
    add(51, 60, 2)  -- and then modules'
    add(60, 42, -2)
    add(41, 49, 2)
    read(table.concat(lines))
    assert.equal(60, symbols:count())
    for i = 1, 59 do
      assert.same({"f" .. i, 7}, {symbols:find(0x1000 * i + 7)})
    end
  end)

  it("are functions alone", function()
    read("0000000000001000 T first\n0000000000001800 d data\n0000000000002000 T second\n")
    assert.equal(2, symbols:count())
    assert.equal("first", (symbols:find(0x1900)))
  end)

  it("may be in the upper half of the addresses", function()
    read("ffffffff81000000 T first\nffffffff82000000 T second\n")
    assert.equal("first", (symbols:find("0xffffffff81000010")))
  end)

  it("are in whatever order, and more than are read at a time", function()
    math.randomseed(7)
    local lines, expected = {}, {}
    local function add(address, i)
      address = ("%016x"):format(address)
      local module = i % 3 > 0 and "module" .. i % 3 or nil
      expected[address] = expected[address] or {"name" .. i, 0, module} -- the first name
      lines[i] = ("%s t name%d%s"):format(address, i, module and "\t[" .. module .. "]" or "")
    end
    for i = 1, 500 do -- in order, as the kernel's own functions, among which the others are
      add(i * 2 ^ 40, i)
    end
    for i = 501, 2000 do
      add(math.random(0x7fffff) * 2 ^ math.random(0, 37), i)
    end
    lines[#lines + 1] = "ffffffffffffffff T last" -- without an end of the line
    read(table.concat(lines, "\n"))
    local count = 0
    for address, found in pairs(expected) do
      count = count + 1
      assert.same(found, {symbols:find("0x" .. address)})
    end
    assert.is_true(count > 1900)
    assert.equal(count + 1, symbols:count())
    assert.equal(2001, #symbols:match("*"))
  end)

  it("have no names of many thousand characters", function()
    write(path, "0000000000001000 T first\n0000000000002000 T " .. ("x"):rep(20000) .. "\n")
    local _, _, errno = lbpf.kallsyms(path)
    assert.equal(22, errno) -- EINVAL
  end)

  it("are refused where the kernel hides the addresses", function()
    write(path, "0000000000000000 T first\n0000000000000000 T second\n")
    local symtab, message, errno = lbpf.kallsyms(path)
    assert.is_nil(symtab)
    assert.matches("kernel.kptr_restrict", message, 1, true)
    assert.equal(1, errno)
  end)

  it("cannot be used once they are closed", function()
    read("0000000000001000 T first\n0000000000002000 T second\n")
    assert.is_true(symbols:close())
    assert.is_true(symbols:close())
    assert.error_matches(function() symbols:find(0x1000) end, "the symbols were closed")
  end)
end)

describe("the symbols of an ELF file", function()
  it("are found by offset", function()
    local process = child.probe_me()
    local symbols = assert(lbpf.elf_symbols(process.path))
    assert.same({"probe_add", 0}, {symbols:find(process.offset)})
    assert.same({"probe_add", 2}, {symbols:find(process.offset + 2)})
    assert.equal(20, #symbols:build_id())
    process:stop()
  end)

  it("are found by a pattern of names", function()
    local process = child.probe_me()
    process:stop()
    local symbols = assert(lbpf.elf_symbols(process.path))
    local names, offsets = symbols:match("probe_a*")
    assert.same({"probe_add"}, names)
    assert.equal(process.offset, tonumber(offsets[1]))
    assert.same({{}, {}}, {symbols:match("no_such")})
    local name, distance = lbpf.fsym(process.path, process.offset + 3)
    assert.same({"probe_add", 3}, {name, distance})
    assert.is_nil((lbpf.fsym("/no/such/file", 1)))
    lbpf.forget_processes()
  end)

  it("are found by each of their names", function()
    local path = os.tmpname()
    write(path, "0000000000001000 T first\n0000000000001000 T alias\n0000000000002000 T last\n")
    local symbols = assert(lbpf.kallsyms(path))
    os.remove(path)
    assert.equal(2, symbols:count())
    assert.same({"first", 0}, {symbols:find(0x1000)})
    local names, addresses = symbols:match("al*")
    assert.same({"alias", 0x1000}, {names[1], tonumber(addresses[1])})
    assert.equal(3, #symbols:match("*"))
  end)

  it("come from the debug file of a stripped one", function()
    local process = child.probe_me()
    local dir = os.tmpname()
    os.remove(dir)
    assert(child.succeeds(("unset LD_PRELOAD; mkdir %s && cd %s && mkdir .debug && " ..
      "cp %s/%s . && " ..
      "objcopy --only-keep-debug probe_me .debug/probe_me.debug && strip probe_me && " ..
      "objcopy --add-gnu-debuglink=.debug/probe_me.debug probe_me"):format(dir, dir,
      os.getenv("PWD"), process.path)))
    local symbols = assert(lbpf.elf_symbols(dir .. "/probe_me"))
    assert.same({"probe_add", 0}, {symbols:find(process.offset)})
    -- A debug file of another build is not taken.
    assert(child.succeeds(("cp /bin/true %s/.debug/probe_me.debug"):format(dir)))
    assert.is_nil(assert(lbpf.elf_symbols(dir .. "/probe_me")):find(process.offset))
    assert(child.succeeds("rm -r " .. dir))
    process:stop()
  end)

  it("are not looked for in other files", function()
    local symbols, message, errno = lbpf.elf_symbols("Makefile")
    assert.is_nil(symbols)
    assert.equal("symbols of 'Makefile': Exec format error (ENOEXEC)", message)
    assert.equal(8, errno)
    assert.is_nil((lbpf.elf_symbols("no/such/file")))
  end)

  it("do not wait for who writes to a FIFO", function()
    local path = os.tmpname()
    os.remove(path)
    assert(child.succeeds("mkfifo " .. path))
    finally(function() os.remove(path) end)
    assert.same({"nil\n", 0}, {child.run(([[
      print((require "lbpf".elf_symbols("%s")))
    ]]):format(path), "timeout 10")})
  end)
end)

describe("the lines of an ELF file", function()
  local process, lines

  before_each(function()
    process = child.probe_me()
  end)

  after_each(function()
    process:stop()
    lbpf.forget_processes()
  end)

  -- The functions at the first offset at which so many are known.
  local function find(n)
    for distance = 0, 16 do
      local found = lines:find(process.offset + distance)
      if found and #found == n then
        return found
      end
    end
  end

  it("are found by offset, with functions that are inlined", needs("libdw", function()
    lines = assert(lbpf.elf_lines(process.path))
    local found = find(2)
    assert.same({"inlined", "probe_add"}, {found[1].name, found[2].name})
    for _, frame in ipairs(found) do
      assert.matches("tests/helpers/probe_me%.c$", frame.file)
    end
    assert.is_true(found[1].line < found[2].line)
    assert.is_nil(lines:find(2 ^ 40))
    assert.is_nil(lines:find(0)) -- the ELF header is no code
    assert.is_true(lines:close())
    assert.is_true(lines:close())
    assert.error_matches(function() lines:find(0) end, "the lines were closed")
  end))

  it("come from the debug file of a stripped one", needs("libdw", function()
    local dir = os.tmpname()
    os.remove(dir)
    assert(child.succeeds(("unset LD_PRELOAD; mkdir %s && cd %s && cp %s/%s . && " ..
      "objcopy --only-keep-debug probe_me probe_me.debug && strip probe_me && " ..
      "objcopy --add-gnu-debuglink=probe_me.debug probe_me"):format(dir, dir, os.getenv("PWD"),
      process.path)))
    lines = assert(lbpf.elf_lines(dir .. "/probe_me"))
    assert.equal("inlined", find(2)[1].name)
    os.remove(dir .. "/probe_me.debug")
    local none, message, errno = lbpf.elf_lines(dir .. "/probe_me")
    assert.is_nil(none)
    assert.equal(("'%s/probe_me' has no debugging information (cc -g): No data available "
      .. "(ENODATA)"):format(dir), message)
    assert.equal(61, errno)
    assert(child.succeeds("rm -r " .. dir))
  end))

  it("are shown in stacks", needs("libdw", function()
    lines = assert(lbpf.elf_lines(process.path))
    local address = address_in(process.pid, "probe_me", process.offset)
    local names
    for distance = 0, 16 do
      names = lbpf.frames({address + distance}, process.pid, {lines = true})
      if #names == 2 then
        break
      end
    end
    assert.matches("^inlined probe_me%.c:%d+$", names[1])
    assert.matches("^probe_add probe_me%.c:%d+$", names[2])
    local here = lbpf.uline(process.pid, address)
    assert.equal("probe_add", here[#here].name)
    assert.is_nil(lbpf.uline(process.pid, 1))
  end))

  it("are not looked for in other files", needs("libdw", function()
    local none, message, errno = lbpf.elf_lines("Makefile")
    assert.is_nil(none)
    assert.equal("lines of 'Makefile': Exec format error (ENOEXEC)", message)
    assert.equal(8, errno)
    assert.is_nil((lbpf.elf_lines("/no/such/file")))
  end))
end)

describe("an address of a process", function()
  after_each(function()
    lbpf.forget_processes()
  end)

  it("has a name, also when the process has ended", function()
    local process = child.probe_me()
    local address = address_in(process.pid, "probe_me", process.offset)
    local name, distance, path = lbpf.usym(process.pid, address + 1)
    assert.same({"probe_add", 1}, {name, distance})
    assert.matches("/build/helpers/probe_me$", path)
    process:stop()
    assert.equal("probe_add", (lbpf.usym(process.pid, address)))
    lbpf.forget_processes()
    assert.is_nil((lbpf.usym(process.pid, address)))
  end)

  it("has the name that a JIT wrote down", function()
    local process = child.probe_me()
    local path = ("/tmp/perf-%d.map"):format(process.pid)
    write(path, "1000 10 first\n1000 20 second time\n2000 8 third\n")
    assert.same({"second time", 0x1f}, {lbpf.usym(process.pid, 0x101f)})
    assert.same({"third", 0}, {lbpf.usym(process.pid, 0x2000)})
    assert.is_nil((lbpf.usym(process.pid, 0x2008)))
    os.remove(path)
    process:stop()
  end)

  it("has its name in another mount namespace", needs("root", function()
    local dir = os.tmpname()
    os.remove(dir)
    local script = ("mkdir %s && mount -t tmpfs t %s && cp build/helpers/probe_me %s/its_own && "
      .. "exec %s/its_own"):format(dir, dir, dir, dir)
    local fifo = os.tmpname()
    os.remove(fifo)
    assert(child.succeeds("mkfifo " .. fifo))
    local requests = io.popen(("unset LD_PRELOAD; unshare --mount sh -c '%s' >%s"):format(script,
      fifo), "w")
    local answers = assert(io.open(fifo))
    os.remove(fifo)
    local pid, offset = answers:read("*l"):match("(%d+) (%d+)")
    finally(function()
      requests:close()
      answers:close()
      os.execute("rmdir " .. dir)
    end)
    assert.is_nil(io.open(dir .. "/its_own"))
    local address = address_in(pid, "its_own", tonumber(offset))
    local found, _, path = lbpf.usym(tonumber(pid), address)
    assert.equal("probe_add", found)
    local name = dir .. "/its_own"
    assert.equal(name, path:sub(-#name)) -- in a chroot the kernel says where that is, too
  end))

  it("is shown with its file where it has no name", function()
    local process = child.probe_me()
    local address = address_in(process.pid, "probe_me", process.offset)
    assert.same({"probe_add", "[unknown]"}, lbpf.frames({address, 1}, process.pid))
    process:stop()
  end)
end)

describe("demangle", function()
  it("returns other names unchanged", function()
    assert.equal("main", lbpf.demangle("main"))
    assert.equal("_Z", lbpf.demangle("_Z"))
  end)

  it("makes C++ of C++ names", needs("libstdc++", function()
    assert.equal("foo::bar(int)", lbpf.demangle("_ZN3foo3barEi"))
  end))
end)

describe("a kernel address", function()
  it("has the kernel's name", needs("root", function()
    for line in io.lines("/proc/kallsyms") do
      local address, name = line:match("^(%x+) T (vfs_read)$")
      if address then
        assert.equal(name, (lbpf.ksym("0x" .. address)))
        return
      end
    end
    error("no vfs_read")
  end))
end)

describe("a profile", function()
  local profile

  before_each(function()
    profile = require("lbpf.profile").new()
    profile:add({"main", "a;b"}, 2)
    profile:add({"main", "<c>"})
    profile:add({"main", "a;b"}, 3)
    profile:add({"main"}, 4)
  end)

  it("is folded", function()
    assert.equal("main 4\nmain;<c> 1\nmain;a:b 5\n", profile:folded())
    assert.equal(10, profile:total())
  end)

  it("is a flame graph that an XML parser takes", needs("xmllint", function()
    local path = os.tmpname()
    write(path, profile:svg {title = "a < b & \"c\""})
    local output = child.output("unset LD_PRELOAD; xmllint --noout " .. path)
    os.remove(path)
    assert.equal("", output)
    local svg = profile:svg()
    assert.matches('data-w="1000000.000" data-row="1" data-name="main"', svg, 1, true)
    assert.matches('data-w="500000.000" data-row="2" data-name="a;b"', svg, 1, true)
  end))

  it("is what pprof reads", needs("pprof", function()
    local path = os.tmpname()
    write(path, profile:pprof {time = 1, duration = 2})
    local output = child.output("unset LD_PRELOAD; go tool pprof -raw " .. path)
    os.remove(path)
    assert.matches("Samples:\nsamples/samples", output, 1, true)
    assert.matches("\n%s+4: 1 \n", output)
    assert.matches("\n%s+1: 2 1 \n", output)
    assert.matches("\n%s+5: 3 1 \n", output)
    assert.matches("3: 0x0 M=1 a;b", output, 1, true)
  end))
end)

describe("a list like kallsyms", function()
  it("may have lines that are none of a function", function()
    local path = os.tmpname()
    write(path, "nonsense\nffffffff81000000 T first\n\nffffffff81000010 X\n")
    local symbols = assert(lbpf.kallsyms(path))
    os.remove(path)
    assert.equal(1, symbols:count())
  end)

  it("must exist", function()
    local symbols, message, errno = lbpf.kallsyms("/no/such/file")
    assert.is_nil(symbols)
    assert.matches("/no/such/file", message)
    assert.equal(2, errno)
  end)
end)

describe("lbpf", function()
  it("has the functions of lbpf.symbols, loaded on first use", function()
    assert.equal("8\n", (child.run([[
      local n = 0
      for name, fn in pairs(require "lbpf.symbols") do
        assert(require "lbpf"[name] == fn, name)
        n = n + 1
      end
      print(n)
    ]])))
  end)
end)
