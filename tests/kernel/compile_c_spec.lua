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
