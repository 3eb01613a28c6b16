-- The properties of programs that have not been loaded.
local lbpf = require "lbpf"
local needs = require "needs"

local function open()
  return assert(lbpf.open("build/bpf/programs.bpf.o"))
end

describe("a program", function()
  local obj, first, second, third

  before_each(function()
    obj = open()
    first, second = obj.progs.first, obj.progs.second
    third = obj.progs.third
  end)

  it("has a name and a section", function()
    assert.equal("first", first:name())
    assert.equal("socket", first:section_name())
    assert.equal("raw_tp/sys_enter", second:section_name())
    assert.equal("nameless", third:section_name())
  end)

  it("has the types that its section says", function()
    assert.equal("socket_filter", first:type())
    assert.equal("raw_tracepoint", second:type())
    assert.equal("unspec", third:type())
    assert.equal("tracing", obj.progs.fourth:type())
    assert.equal("trace_raw_tp", obj.progs.fourth:expected_attach_type())
  end)

  it("takes types by name and by number", function()
    assert.equal(third, third:set_type("kprobe"))
    assert.equal("kprobe", third:type())
    third:set_type(6)
    assert.equal("xdp", third:type())
    third:set_type("unspec")
    assert.equal("unspec", third:type())
    assert.equal(third, third:set_expected_attach_type("cgroup_inet4_connect"))
    assert.equal("cgroup_inet4_connect", third:expected_attach_type())
    third:set_expected_attach_type(42)
    assert.equal("trace_kprobe_multi", third:expected_attach_type())
    third:set_type(500) -- of a kernel newer than this libbpf
    assert.equal(500, third:type())
  end)

  it("refuses unknown types", function()
    local function refused(argument, message)
      assert.error_matches(function()
        third:set_type(argument)
      end, "bad argument #1 to 'set_type' (" .. message .. ")", 1, true)
    end
    refused("kprobes",
      "libbpf " .. lbpf.version_string() .. " has no program type 'kprobes'")
    refused(512, "expected a program type: a name or a number")
    refused(-1, "expected a program type: a name or a number")
    refused(1.5, "expected a program type: a name or a number")
    refused(true, "expected a program type: a name or a number")
    refused(nil, "expected a program type: a name or a number")
    refused("struct_ops", "the type struct_ops cannot be set or changed")
    assert.error_matches(function()
      third:set_expected_attach_type("kprobe")
    end, "has no attach type 'kprobe'", 1, true)
    assert.equal("unspec", third:type())
  end)

  it("has flags of 32 bits", function()
    assert.equal(0, first:flags())
    assert.equal(first, first:set_flags(16))
    assert.equal(16, first:flags())
    first:set_flags(4294967295)
    assert.equal(4294967295, first:flags())
    first:set_flags("0xfffffffe")
    assert.equal(4294967294, first:flags())
    for _, flags in ipairs({-1, 4294967296}) do
      assert.error_matches(function()
        first:set_flags(flags)
      end, "bad argument #1 to 'set_flags' (flags must have at most 32 bits)", 1, true)
    end
    assert.equal(4294967294, first:flags())
  end)

  it("has switches for load and attach", function()
    assert.is_true(first:autoload())
    assert.is_false(second:autoload())
    assert.equal(first, first:set_autoload(false))
    assert.equal(second, second:set_autoload(true))
    assert.is_false(first:autoload())
    assert.is_true(second:autoload())
    assert.is_true(first:autoattach())
    assert.equal(first, first:set_autoattach(false))
    assert.is_false(first:autoattach())
    assert.error_matches(function()
      first:set_autoload(1)
    end, "bad argument #1 to 'set_autoload' (boolean expected, got number)", 1, true)
    assert.error_matches(function()
      first:set_autoattach()
    end, "bad argument #1 to 'set_autoattach' (boolean expected, got no value)", 1, true)
  end)

  it("shows its instructions, and has them changed nowhere but in prepare_load",
      needs("little endian", function()
    assert.equal(2, third:insn_cnt())
    local insns = "\180\0\0\0\1\0\0\0" .. "\149\0\0\0\0\0\0\0" -- w0 = 1; exit
    assert.equal(insns, third:insns())
    assert.error_matches(function()
      third:set_insns(insns)
    end, "program 'third': set_insns() must be called in its prog_prepare_load_fn", 1, true)
    for _, wrong in ipairs({"", insns:sub(1, 15), ("x"):rep(8 * 1000001)}) do
      assert.error_matches(function()
        third:set_insns(wrong)
      end, "bad argument #1 to 'set_insns' (expected 1 to 1,000,000 instructions of 8 bytes)",
        1, true)
    end
  end))

  it("has a log, and says how much of it", function()
    assert.equal(0, first:log_level())
    assert.equal(first, first:set_log_level(7))
    assert.equal(7, first:log_level())
    assert.is_nil(first:log_buf())
    assert.equal(first, first:set_log_buf(128))
    assert.equal("", first:log_buf())
    for _, size in ipairs({127, 2 ^ 28 + 1, -1}) do
      assert.error_matches(function()
        first:set_log_buf(size)
      end, "is not in 128 to 268435456", 1, true)
    end
  end)

  it("has no descriptor yet, and cannot be attached", function()
    for _, method in ipairs({"fd", "attach"}) do
      assert.error_matches(function()
        first[method](first)
      end, "^program 'first' is not loaded$")
    end
    assert.error_matches(function()
      obj:attach()
    end, "^object 'build/bpf/programs.bpf.o' is not loaded$")
  end)
end)
