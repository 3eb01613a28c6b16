-- The messages that a user meets, word for word; and life goes on after each.
local lbpf = require "lbpf"
local needs = require "needs"
local process = require "process"

-- What libbpf makes of ENOENT, since 1.6 the number's name.

local good = "build/bpf/programs.bpf.o"
local not_elf = "; not a BPF object: compile it with clang --target=bpf\n"

local function read(path)
  local f = assert(io.open(path, "rb"))
  local content = f:read("*a")
  f:close()
  return content
end

-- A good object opens, and loads where that is allowed.
local function goes_on()
  local obj = assert(lbpf.open(good))
  if needs.met "root" then
    assert(obj:load())
  end
  obj:close()
end

describe("an error of open", function()
  after_each(goes_on)

  local function check(expected, number, fn, ...)
    local before = process.kept_fds()
    local object, message, errno, log = fn(...)
    assert.is_nil(object)
    assert.equal(expected, message)
    assert.equal(number, errno)
    assert.equal(before, process.kept_fds())
    return log
  end

  it("names a missing file", function()
    check("open 'no/such/file.o': No such file or directory (ENOENT)", 2,
      lbpf.open, "no/such/file.o")
  end)

  it("tells a text from an object", function()
    local log = check("open 'Makefile': BPF object format invalid (LIBBPF_ERRNO__FORMAT)" .. not_elf
      .. "libbpf: elf: 'Makefile' is not a proper ELF object", 4001, lbpf.open, "Makefile")
    assert.equal("libbpf: elf: 'Makefile' is not a proper ELF object\n", log)
  end)

  it("tells a directory from an object", function()
    check("open 'tests': Is a directory (EISDIR)", 21, lbpf.open, "tests")
  end)

  it("tells another machine's object", function()
    local interpreter = read("/proc/self/exe")
    local object, message = lbpf.open_mem(interpreter, {object_name = "lua"})
    assert.is_nil(object)
    assert.matches("^open 'lua': .+ %(LIBBPF_ERRNO__%u+%); ", message)
  end)

  it("names an image in memory", function()
    check("open 'memory': BPF object format invalid (LIBBPF_ERRNO__FORMAT)" .. not_elf
      .. "libbpf: elf: 'memory' is not a proper ELF object", 4001, lbpf.open_mem, "text")
    check("open 'mine': BPF object format invalid (LIBBPF_ERRNO__FORMAT)" .. not_elf
      .. "libbpf: elf: 'mine' is not a proper ELF object", 4001, lbpf.open_mem, "text",
      {object_name = "mine"})
  end)
end)

describe("a truncated object", function()
  after_each(goes_on)

  local images = {"handlers", "maps", "options", "rejected"}

  -- Every 13th length, and those around the ends of the ELF header and of the section table.
  local function lengths(size)
    local list = {1, 4, 15, 16, 17, 51, 52, 53, 63, 64, 65, size - 65, size - 64, size - 63,
      size - 2, size - 1}
    for n = 2, size - 1, 13 do
      list[#list + 1] = n
    end
    return list
  end

  local function check(object, message, errno)
    if object then
      for _ in object:each_program() do end
      object:close()
      return
    end
    assert.matches("^open '.-': .+ %([%u%d_]+%)", message)
    assert.is_true(errno > 0)
  end

  it("in memory is an error, or opens", function()
    local before = process.kept_fds()
    for _, name in ipairs(images) do
      local image = read("build/bpf/" .. name .. ".bpf.o")
      for _, length in ipairs(lengths(#image)) do
        check(lbpf.open_mem(image:sub(1, length)))
      end
    end
    assert.equal(before, process.kept_fds())
  end)

  it("in a file is an error, or opens", function()
    local before, path = process.kept_fds(), os.tmpname()
    for _, name in ipairs(images) do
      local image = read("build/bpf/" .. name .. ".bpf.o")
      for _, length in ipairs(lengths(#image)) do
        local f = assert(io.open(path, "wb"))
        f:write(image:sub(1, length))
        f:close()
        check(lbpf.open(path))
      end
    end
    os.remove(path)
    assert.equal(before, process.kept_fds())
  end)

  it("says that it is a part of something", function()
    local object, message, errno = lbpf.open_mem(read(good):sub(1, 1000))
    assert.is_nil(object)
    assert.matches("^open 'memory': .+ %(LIBBPF_ERRNO__%u+%); not ", message)
    assert.is_true(errno >= 4000)
  end)
end)

describe("misuse of open", function()
  after_each(goes_on)

  -- The message, which must begin with the place of the call below.
  local function raised(fn, ...)
    local ok, message = pcall(function(...)
      local object = fn(...)
      return object
    end, ...)
    assert.is_false(ok)
    local here = "^tests/unit/errors_spec.lua:%d+: "
    assert.matches(here, message)
    return (message:gsub(here, ""))
  end

  it("is an argument error at the caller's line", function()
    local line = debug.getinfo(1, "l").currentline + 2
    local _, message = pcall(function()
      local object = lbpf.open(good, {colour = 3})
      return object
    end)
    assert.equal(("tests/unit/errors_spec.lua:%d: bad argument #2 to 'open' (unknown option "
      .. "'colour'; expected one of: object_name, relaxed_maps, pin_root_path, kconfig, "
      .. "btf_custom_path, kernel_log_size, kernel_log_level, "
      .. "bpf_token_path)"):format(line), message)
  end)

  it("names the argument, or the option", function()
    local open, open_mem = lbpf.open, lbpf.open_mem
    local function check(expected, fn, ...)
      -- what a function is called depends on where it is called from
      local message = raised(fn, ...):gsub(" to '[^']+' ", " ")
      assert.equal(expected, message)
    end
    check("bad argument #1 (string expected, got no value)", open)
    check("bad argument #1 (string expected, got table)", open, {})
    check("bad argument #2 (table expected, got string)", open, good, "name")
    check("bad argument #1 (an object must not be empty)", open_mem, "")
    check("bad argument #1 (string expected, got nil)", open_mem, nil)
    local function option(expected, opts)
      check("bad argument #2 (" .. expected .. ")", open, good, opts)
      check("bad argument #2 (" .. expected .. ")", open_mem, "x", opts)
    end
    option("the names of options must be strings", {"mine"})
    option("option 'object_name' must be a string, not number", {object_name = 1})
    option("option 'kconfig' contains a zero byte", {kconfig = "CONFIG_HZ=1\0"})
    option("option 'relaxed_maps' must be a boolean, not number", {relaxed_maps = 1})
    option("option 'kernel_log_level' must be an integer, not 1.5",
      {kernel_log_level = 1.5})
    option("option 'kernel_log_level' is out of range", {kernel_log_level = 4294967296})
    option("option 'kernel_log_size' is out of range", {kernel_log_size = -1})
    for _, size in ipairs({1, 127, 2 ^ 28 + 1, 2 ^ 40}) do
      -- known once the file can be read
      check("bad argument #2 (option 'kernel_log_size' is not in 128 to 268435456)", open, good,
        {kernel_log_size = size})
    end
  end)

  it("names the libbpf that is too old", function()
    local function open()
      return pcall(lbpf.open, good, {bpf_token_path = "/sys/fs/bpf"})
    end
    if lbpf.has("open.bpf_token_path") then
      assert.is_true(open())
    else
      assert.matches("(option 'bpf_token_path' needs libbpf 1.4, this is "
        .. lbpf.version_string() .. ")", select(2, open()), 1, true)
    end
  end)
end)

describe("an error of load", function()
  after_each(goes_on)

  it("names an unknown section", needs("root", function()
    local obj = assert(lbpf.open("build/bpf/nameless.bpf.o"))
    local result, message, errno, log = obj:load()
    assert.is_nil(result)
    local said = "libbpf: prog 'untyped': missing BPF prog type, check ELF section name 'nameless'"
    assert.matches("load 'build/bpf/nameless.bpf.o': Invalid argument (EINVAL); libbpf knows no "
      .. "SEC(\"nameless\"); lbpf.register_prog_handler() teaches it others\n" .. said, message, 1,
      true)
    assert.equal(22, errno)
    assert.equal(said .. "\n", log:sub(1, #said + 1))
  end))

  it("ends with the verifier's last words, and comes with all of them", needs("root", function()
    local before = process.kept_fds()
    local obj = assert(lbpf.open("build/bpf/rejected.bpf.o"))
    local result, message, errno, log = obj:load()
    assert.is_nil(result)
    assert.equal(13, errno)
    local first = "load 'build/bpf/rejected.bpf.o': Permission denied (EACCES); the verifier's log "
      .. "says why\n"
    assert.equal(first, message:sub(1, #first))
    assert.matches("\nR0 invalid mem access 'map_value_or_null'\nprocessed ", message, 1, true)
    -- whole lines of the end, about 1600 bytes of it, without the last line feed
    local tail = message:sub(#first + 1)
    assert.is_true(#tail > 1200 and #tail <= 1600)
    assert.equal("\n" .. tail .. "\n", log:sub(-#tail - 2))
    assert.matches("libbpf: prog 'rejected': BPF program load failed: ", log:sub(1, 60), 1, true)
    assert.matches("\n0: (b4) ", log, 1, true)
    assert.is_true(#log > 5000)
    obj:close()
    assert.equal(before, process.kept_fds())
  end))

  it("shows the log of option kernel_log_size", needs("root", function()
    local obj = assert(lbpf.open("build/bpf/rejected.bpf.o",
      {kernel_log_size = 65536, kernel_log_level = 1}))
    local result, message, _, log = obj:load()
    assert.is_nil(result)
    local words = "R0 invalid mem access 'map_value_or_null'\nprocessed "
    assert.matches(words, message, 1, true)
    assert.matches(words, log, 1, true)
    assert.matches(words, obj:kernel_log(), 1, true)
  end))

  it("tells an ordinary user what it takes", needs("root", function()
    local output, status = process.as_nobody([[
      local lbpf = require "lbpf"
      local obj = assert(lbpf.open("programs.bpf.o"))
      local result, message, errno = obj:load()
      print(result, errno)
      print((message:match("^[^\n]*")))
      print(tostring(lbpf.open("maps.bpf.o")))
      obj:close()
    ]], {good, "build/bpf/maps.bpf.o"})
    assert.equal("nil\t1\n"
      .. "load 'programs.bpf.o': Operation not permitted (EPERM); this needs root, or CAP_BPF with "
      .. "CAP_PERFMON or CAP_NET_ADMIN; this process lacks CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN\n"
      .. "lbpf.object: maps.bpf.o\n", output)
    assert.equal(0, status)
  end))

  it("tells an ordinary user who may not read the file", needs("root", function()
    local output, status = process.as_nobody([[
      print(select(2, require("lbpf").open("/proc/1/mem")))
    ]], {good})
    assert.matches("^open '/proc/1/mem': Permission denied %(EACCES%)", output)
    assert.equal(0, status)
  end))
end)
