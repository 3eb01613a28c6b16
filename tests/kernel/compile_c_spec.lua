-- BPF programs in C in a Lua file, compiled by clang.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"

local HELPERS = "#include <bpf/bpf_helpers.h>\nchar LICENSE[] SEC(\"license\") = \"GPL\";\n"

describe("lbpf.compile with a source in C", function()
  it("has the kernel's types that the source names", needs({"root", "clang", "btf"}, function()
    local file = assert(io.open "tests/support/last_caller.bpf.c")
    local bytes = assert(lbpf.compile {c = file:read "*a"})
    file:close()
    local object = assert(lbpf.open_mem(bytes))
    assert(object:load())
    assert(object:attach())
    local event
    repeat
      event = object.maps.last:lookup(0)
    until event.pid ~= 0
    assert.is_true(#event.comm > 0)
    object:close()
  end))

  it("has those that the source reaches through pointers", needs({"clang", "btf"}, function()
    assert(lbpf.compile {cache = false, c = HELPERS .. [[
      #include <bpf/bpf_core_read.h>
      unsigned long f(struct task_struct *t) { return t->cgroups->dfl_cgrp->kn->id; }
      bool h(struct task_struct *t) { return t ? true : false; }
      int g(struct task_struct *t) { return BPF_CORE_READ(t, nsproxy, uts_ns, ns.inum); }
    ]]})
    local bytes, message = lbpf.compile {cache = false,
      c = HELPERS .. "struct mine; int f(struct mine *m) { return m->x; }"}
    assert.is_nil(bytes)
    assert.matches("incomplete definition of type 'struct mine'", message, 1, true)
  end))

  it("has the registers by the names that bpf_tracing.h expects", needs({"clang", "btf"}, function()
    assert(lbpf.compile {cache = false, c = HELPERS .. [[
      #include <bpf/bpf_tracing.h>
      SEC("kprobe/vfs_read") int BPF_KPROBE(f, struct file *file) { return file != 0; }
    ]]})
  end))

  it("leaves types to the source that defines them itself", needs({"clang", "btf"}, function()
    assert(lbpf.compile {c = HELPERS .. [[
      struct bpf_iter_meta { int mine; };
      typedef struct { int x; } cpumask_t;
      int f(struct bpf_iter_meta *m, cpumask_t c) { return m->mine + c.x; }
    ]]})
  end))

  it("tells clang's errors with the line of the Lua file", needs({"clang", "btf"}, function()
    local line = debug.getinfo(1, "l").currentline
    local bytes, message = lbpf.compile {
      c = [[
        int fine;
        int f(void) { return no_such_name; }
      ]],
    }
    assert.is_nil(bytes)
    assert.matches(("compile_c_spec.lua:%d:30: error: use of undeclared identifier"):format(
      line + 4), message, 1, true)
  end))

  it("says what to do without clang", needs({"btf"}, function()
    local bytes, message, errno = lbpf.compile {c = "int x;", clang = "no-such-clang"}
    assert.is_nil(bytes)
    assert.equal("spawn 'no-such-clang': No such file or directory (ENOENT); install clang, or " ..
      "compile the object elsewhere and open that, or write the program in Lua", message)
    assert.equal(2, errno)
  end))

  it("refuses fields that it does not know", function()
    assert.error_matches(function() lbpf.compile {c = "int x;", flags = {}} end,
      "unknown field 'flags' beside 'c'; expected one of: btf, cache, cflags, clang")
    assert.error_matches(function() lbpf.compile {c = "int x;", cflags = "-O1"} end,
      "field 'cflags' must be a table, not string")
  end)

  it("returns clang's warnings", needs({"clang", "btf"}, function()
    local bytes, warnings = lbpf.compile {c = "static int unused;"}
    assert.is_string(bytes)
    assert.matches("warning: unused variable 'unused'", warnings)
  end))
end)

describe("the cache of lbpf.compile", function()
  local dir, cache

  local function write(name, text)
    local file = assert(io.open(dir .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end

  before_each(function()
    dir = child.output("mktemp -d"):gsub("\n", "")
    cache = dir .. "/cache/lbpf/objects"
    write("clang", "#!/bin/sh\necho started >>" .. dir .. "/log\nexec clang \"$@\"\n")
    write("x.h", "int a;")
    child.output(("chmod 755 %s %s/clang"):format(dir, dir))
  end)

  after_each(function()
    child.output("rm -r " .. dir)
  end)

  -- Compiles a source and says how often clang was started for that.
  local function starts(source)
    write("log", "")
    write("main.lua", ([[
      local bytes = assert(require("lbpf").compile {c = %q, clang = %q, cflags = {%q}})
      require("lbpf").open_mem(bytes):close()
    ]]):format(source, dir .. "/clang", "-I" .. dir))
    assert.same({"", 0}, {child.output(("XDG_CACHE_HOME=%s/cache %s %s/main.lua"):format(dir,
      os.getenv("LBPF_LUA"), dir))})
    local log = assert(io.open(dir .. "/log"))
    local n = select(2, log:read("*a"):gsub("started", ""))
    log:close()
    return n
  end

  local SOURCE = '#include "x.h"\nint b;'

  it("keeps an object until its source, a header or clang changes", needs({"clang", "btf"},
    function()
      assert.equal(1, starts(SOURCE))
      assert.equal(0, starts(SOURCE))
      assert.equal(1, starts(SOURCE .. " "))
      write("x.h", "int c;")
      assert.equal(1, starts(SOURCE))
      assert.equal(0, starts(SOURCE))
      child.output(("touch %s/clang"):format(dir))
      assert.equal(1, starts(SOURCE))
    end))

  it("is the user's own", needs({"clang", "btf"}, function()
    assert.equal(1, starts(SOURCE))
    assert.equal("drwx------\n", child.output("stat -c %A " .. cache))
    assert.equal("-rw-------\n", child.output("stat -c %A " .. cache .. "/*"))
  end))

  it("is not used if others may write into it", needs({"clang", "btf"}, function()
    assert.equal(1, starts(SOURCE))
    for _, mode in ipairs {"g+w", "o+w"} do
      child.output(("chmod %s %s"):format(mode, cache))
      assert.equal(1, starts(SOURCE))
      child.output(("chmod 700 %s; chmod %s %s/*"):format(cache, mode, cache))
      assert.equal(1, starts(SOURCE)) -- and is written anew
    end
    assert.equal(0, starts(SOURCE))
  end))

  it("is not used if it is another user's, or a symbolic link", needs({"root", "clang", "btf"},
    function()
      assert.equal(1, starts(SOURCE))
      child.output("chown 65534 " .. cache .. "/*")
      assert.equal(1, starts(SOURCE))
      assert.equal(0, starts(SOURCE))
      child.output("chown 65534 " .. cache)
      assert.equal(1, starts(SOURCE))
      assert.equal(1, starts(SOURCE))
      child.output(("cd %s; chown 0 objects; mv objects real; ln -s real objects")
        :format(cache:gsub("/objects", "")))
      assert.equal(1, starts(SOURCE))
    end))

  it("drops what was not used for a month", needs({"clang", "btf"}, function()
    assert.equal(1, starts(SOURCE))
    child.output(("touch -d '31 days ago' %s/*"):format(cache))
    assert.equal(1, starts(SOURCE .. " "))
    assert.equal("1\n", child.output(("ls %s | wc -l"):format(cache)))
  end))

  it("does not keep what has warnings", needs({"clang", "btf"}, function()
    assert.equal(1, starts("static int unused;"))
    assert.equal(1, starts("static int unused;"))
  end))
end)

describe("lbpf.cache_get and lbpf.cache_put", function()
  it("read and write", function()
    local dir = child.output("mktemp -d"):gsub("\n", "")
    assert.is_true(lbpf.cache_put(dir .. "/a/b", "name", "by\0tes"))
    assert.equal("by\0tes", lbpf.cache_get(dir .. "/a/b", "name"))
    local bytes, message, errno = lbpf.cache_get(dir .. "/a/b", "other")
    assert.is_nil(bytes)
    assert.matches("^cache: 'other': No such file or directory", message)
    assert.equal(2, errno)
    assert.equal(2, select(3, lbpf.cache_get(dir .. "/c", "name")))
    child.output("chmod o+w " .. dir .. "/a/b")
    bytes, message, errno = lbpf.cache_put(dir .. "/a/b", "name", "")
    assert.is_nil(bytes)
    assert.matches("another user has it, or may write into it: ", message)
    assert.equal(1, errno)
    child.output("rm -r " .. dir)
  end)

  it("leave a directory alone that has other files", function()
    local dir = child.output("mktemp -d"):gsub("\n", "")
    child.output(("touch -d '31 days ago' %s/letter"):format(dir))
    local done, message, errno = lbpf.cache_put(dir, "name", "bytes")
    assert.is_nil(done)
    assert.matches("it has files that are no cache's: ", message)
    assert.equal(39, errno)
    assert.equal("letter\n", child.output("ls -A " .. dir))
    child.output("rm -r " .. dir)
  end)

  it("take names of files alone", function()
    for _, name in ipairs {"", ".", "..", ".x", "a/b", ("x"):rep(300)} do
      assert.error_matches(function() lbpf.cache_get("/tmp", name) end,
        "not the name of a file in a cache")
    end
  end)
end)

describe("lbpf.spawn", function()
  it("gives a program its input, and returns what it writes and its status", function()
    assert.same({0, ("x"):rep(100000), ""}, {lbpf.spawn({"cat"}, ("x"):rep(100000))})
    assert.same({3, "out\n", "err\n"}, {lbpf.spawn({"sh", "-c", "echo out; echo err >&2; exit 3"})})
    assert.same({128 + 15, "", ""}, {lbpf.spawn({"sh", "-c", "kill $$"})})
  end)

  it("needs no shell, and interprets nothing", function()
    assert.same({0, "$HOME;*", ""}, {lbpf.spawn({"printf", "%s", "$HOME;*"})})
  end)

  it("says that there is no such program", function()
    local status, message, errno = lbpf.spawn({"no-such-program"})
    assert.is_nil(status)
    assert.equal("spawn 'no-such-program': No such file or directory (ENOENT)", message)
    assert.equal(2, errno)
  end)

  it("works in a process without standard input, output and error", function()
    local path = os.tmpname()
    child.run(([[
      local status, output = require "lbpf".spawn({"cat"}, "text")
      io.open(%q, "w"):write(tostring(status), output):close()
    ]]):format(path), "<&- >&- 2>&-")
    local file = assert(io.open(path))
    assert.equal("0text", file:read("*a"))
    file:close()
    os.remove(path)
  end)

  it("takes strings alone", function()
    assert.error_matches(function() lbpf.spawn({}) end, "expected 1 to 256 strings")
    assert.error_matches(function() lbpf.spawn({"cat", 1}) end, "expected strings")
    assert.error_matches(function() lbpf.spawn({"cat\0"}) end, "contains a zero byte")
  end)

  it("keeps no descriptor", function()
    local fds = require "fds"
    fds.settle()
    local before = fds.count()
    lbpf.spawn({"true"})
    lbpf.spawn({"no-such-program"})
    fds.settle()
    assert.equal(before, fds.count())
  end)
end)
