-- Hazard 39: libbpf follows type ids, cycles and offsets in BTF without checks. BTF that a script
-- wrote is checked before libbpf uses it.
local btf = require "btf"
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"

-- Checks that BTF is not taken, and why: in lbpf's own words, or what libbpf 1.3 says itself.
local function refused(own, libbpfs, b, base)
  local types, message, errno = lbpf.btf_new(b:bytes(), base)
  assert.is_nil(types)
  assert.equal(22, errno)
  if libbpfs and message:find("libbpf: btf: ", 1, true) then
    assert.matches(libbpfs, message, 1, true)
  else
    assert.equal(("make BTF of 'memory': %s: Invalid argument (EINVAL)"):format(own), message)
  end
end

-- What is said of dumping the last of types that can be taken.
local function dump_refusal(b)
  local types = assert(lbpf.btf_new(b:bytes()))
  local last = types:type_cnt() - 1
  local dump = assert(lbpf.btf_dump(types))
  local text, message, errno = dump:dump_type(last)
  assert.is_nil(text)
  assert.equal(22, errno)
  -- the header says what is not in it
  assert.matches("/%* type " .. last .. " is left out: ", types:dump_c())
  local declared, again = dump:emit_type_decl(last)
  assert.is_nil(declared)
  assert.equal(message, again)
  return message:match("^dump type " .. last .. " of 'memory': (.*): Invalid argument %(EINVAL%)")
end

it("the kernel's BTF is checked if another file is mounted over it",
  needs({"root", "btf"}, function()
    local b = btf.new()
    b:add("typedef", "bad", 1)
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(b:bytes())
    file:close()
    local output = child.run([[print(require("lbpf").btf_load_vmlinux_btf())]],
      ("unshare --mount sh -c 'mount --bind %s /sys/kernel/btf/vmlinux && exec \"$@\"' sh"):format(
        path))
    os.remove(path)
    assert.matches("^nil\tload BTF 'vmlinux': BTF type 1 refers to itself: ", output)
  end))

describe("BTF that a script made", function()
  it("has ids that exist", function()
    for _, kind in ipairs({"ptr", "typedef", "volatile", "const", "restrict", "func", "var",
      "decl_tag", "type_tag"}) do
      local b = btf.new()
      b:add(kind, "bad", 99, (kind == "var" or kind == "decl_tag") and {0} or nil)
      refused("BTF type 1 refers to missing type 99",
        "type [1]: invalid referenced type ID 99", b)
    end
    local function refers(kind, words, vlen, value)
      local b = btf.new()
      b:int("int", 4)
      b:add(kind, "bad", value or 4, words, vlen)
      refused("BTF type 2 refers to missing type 99",
        "type [2]: invalid referenced type ID 99", b)
    end
    refers("array", {99, 1, 1})
    refers("array", {1, 99, 1})
    refers("struct", {"m", 1, 0, "m", 99, 32}, 2)
    refers("union", {"m", 99, 0}, 1)
    refers("func_proto", {"p", 99}, 1, 1)
    refers("func_proto", {"p", 1}, 1, 99)
    refers("datasec", {99, 0, 4}, 1)
  end)

  it("has strings that exist", function()
    local b = btf.new()
    b:int(5000, 4)
    refused("BTF type 1 has its name at offset 5000, beyond the strings",
      "type [1]: invalid type name (string offset 5000)", b)
    for kind, words in pairs({struct = {5000, 0, 0}, enum = {5000, 1}, enum64 = {5000, 1, 1},
      func_proto = {5000, 0}}) do
      b = btf.new()
      b:add(kind, "bad", 0, words, 1)
      refused("BTF type 1 has a part with its name at 5000, beyond the strings",
        "(string offset 5000)", b)
    end
  end)

  it("has kinds that fit", function()
    local b = btf.new()
    b:add("func", "f", b:int("int", 4))
    refused("BTF type 2 is a function whose type 1 is not a function prototype",
      "type [2]: referenced type [1] is not FUNC_PROTO", b)
    b = btf.new()
    b:add("datasec", ".maps", 4, {b:int("int", 4), 0, 4}, 1)
    refused("BTF type 2 is a section that contains type 1, which is not a variable", nil, b)
    b = btf.new()
    b:add(31, "new", 0)
    assert.is_nil((lbpf.btf_new(b:bytes())))
  end)

  -- 33 is 1, the kind of integers, where a kind has 5 bits.
  it("has no kinds that only it describes", function()
    for _, kind in ipairs({20, 33, 127}) do
      local b = btf.new()
      b:add(kind, "new", 4)
      local types, message, errno = lbpf.btf_new(b:bytes_with_layout(kind))
      assert.is_nil(types)
      assert.equal(22, errno)
      if needs.met("libbpf 1.8") then
        assert.equal(("make BTF of 'memory': BTF type 1 is of kind %d, which lbpf does not know: "
          .. "Invalid argument (EINVAL)"):format(kind), message)
      end
    end
  end)

  it("has no more parts than are looked at", function()
    local b = btf.new()
    b:int("int", 4)
    b:add("struct", "s", 4, {"m", 1, 0}, 0x10001)
    assert.is_nil((lbpf.btf_new(b:bytes())))
  end)

  it("has no type that contains itself", function()
    for _, kind in ipairs({"typedef", "const", "volatile", "restrict", "type_tag"}) do
      local b = btf.new()
      b:add(kind, "a", 2)
      b:add(kind, "b", 1)
      refused("BTF type 1 refers to itself", nil, b)
    end
    local b = btf.new()
    b:struct("s", 8, {{"m", 2, 0}})
    b:add("array", nil, 0, {1, 1, 1})
    refused("BTF type 1 refers to itself", nil, b)
    b = btf.new()
    for id = 1, 2000 do
      b:add("const", nil, id + 1)
    end
    b:int("int", 4)
    local types, message = lbpf.btf_new(b:bytes())
    assert.is_nil(types)
    assert.matches("BTF type %d+ is nested too deeply", message)
  end)

  it("is held against its base", function()
    local b = btf.new()
    b:int("int", 4)
    local base = assert(lbpf.btf_new(b:bytes()))
    local s = btf.new(b)
    s:add("ptr", nil, 1)
    assert.equal(3, assert(lbpf.btf_new(s:bytes(), base)):type_cnt())
    s = btf.new(b)
    s:add("ptr", nil, 3)
    refused("BTF type 2 refers to missing type 3",
      "type [2]: invalid referenced type ID 3", s, base)
    base:close()
    assert.error_matches(function()
      lbpf.btf_new(s:bytes(), base)
    end, "BTF 'memory' is closed")
  end)
end)

describe("BTF that a script is writing", function()
  local types

  before_each(function()
    types = assert(lbpf.btf_new_empty())
    types:add_struct("s", 8)
    types:add_field("m", 2, 0)
  end)

  it("is looked at before its references are followed", function()
    local other = assert(lbpf.btf_new_empty())
    for _, follow in ipairs({
      function() types:resolve_type(1) end,
      function() types:resolve_size(1) end,
      function() types:align_of(1) end,
      function() types:codec("s") end,
      function() types:dump_c() end,
      function() types:dedup() end,
      function() lbpf.btf_dump(types) end,
      function() lbpf.btf_new_empty(types) end,
      function() lbpf.btf_new(other:raw_data(), types) end,
      function() other:add_btf(types) end,
      function() other:add_type(types, 1) end,
    }) do
      assert.error_matches(follow,
        "BTF 'empty' is not complete: BTF type 1 refers to missing type 2")
    end
    types:add_array(1, 1, 3)
    assert.error_matches(function() types:resolve_size(1) end,
      "BTF 'empty' is not complete: BTF type %d refers to itself")
  end)

  it("can be complete later, and incomplete again", function()
    types:add_int("long", 8)
    assert.equal(8, types:resolve_size(1))
    types:add_ptr(99)
    assert.error_matches(function() types:resolve_size(1) end, "is not complete")
  end)

  it("is read as it was by what a finalizer interrupts", function()
    local garbage = require "garbage"
    local names = {}
    types:add_int("long", 8)
    types:add_enum("e", 4)
    for i = 1, 2000 do
      names[i] = "a value with a name that is a string of its own " .. i
      types:add_enum_value(names[i], i)
    end
    local kept_out, wrong, i = 0, 0, 0
    garbage.collecting(function()
      repeat
        i = i + 1
        garbage.drop(function()
          local ok = pcall(types.add_str, types, ("x"):rep(100000) .. i)
          kept_out = kept_out + (ok and 0 or 1)
        end)
        -- What follows allocates nothing: a finalizer is to run while the type is read.
        for n, value in ipairs(types:type_by_id(3).values) do
          wrong = wrong + (value.name == names[n] and 0 or 1)
        end
      until i >= 30 and kept_out > 0 or i == 1000
    end)
    assert.equal(0, wrong)
    assert.is_true(kept_out > 0)
  end)
end)

describe("a dump", function()
  it("refuses a cycle through pointers that no name breaks", function()
    local b = btf.new()
    b:add("const", nil, 2)
    b:add("ptr", nil, 1)
    assert.matches("^type %d refers to itself$", dump_refusal(b))
    b = btf.new()
    b:add("func_proto", nil, 0, {"f", 2}, 1)
    b:add("ptr", nil, 1)
    assert.matches("^type %d refers to itself$", dump_refusal(b))
    b = btf.new()
    b:add("ptr", nil, 2)
    b:struct(nil, 8, {{"next", 1, 0}})
    assert.matches("^type %d refers to itself$", dump_refusal(b))
    b = btf.new()
    b:add("typedef", "t", 2)
    b:add("ptr", nil, 1)
    assert.matches("^type %d refers to itself$", dump_refusal(b))
  end)

  it("writes the cycles that C has", function()
    local b = btf.new()
    b:struct("node", 16, {{"next", 2, 0}, {"each", 4, 64}})
    b:add("ptr", nil, 1)
    b:add("func_proto", nil, 2, {"n", 2}, 1)
    b:add("ptr", nil, 3)
    local text = assert(assert(lbpf.btf_new(b:bytes())):dump_c())
    assert.is_nil(text:find("left out"))
    assert.matches("struct node {\n\tstruct node %*next;\n"
      .. "\tstruct node %* %(%*each%)%(struct node %*%w*%);\n};", text)
  end)

  it("refuses what is nested deeper than libbpf's stack", function()
    local b = btf.new()
    for id = 1, 5000 do
      b:add("ptr", nil, id + 1)
    end
    b:int("int", 4)
    b:add("ptr", nil, 1)
    assert.matches("is nested too deeply$", dump_refusal(b))
    b = btf.new()
    local id = b:int("int", 4, 1)
    for _ = 1, 40 do
      id = b:add("ptr", nil, b:struct(nil, 8, {{"m", id, 0}}))
    end
    assert.matches("has a declaration that is too complex for libbpf$", dump_refusal(b))
  end)

  it("refuses members that have no values, and sizes that no type has", function()
    local b = btf.new()
    b:add("fwd", "later")
    b:struct("s", 8, {{"m", 1, 0}})
    assert.equal("type 2 has members that cannot be declared", dump_refusal(b))
    b = btf.new()
    b:struct("s", 8, {{"m", b:int("zero", 0), 0}})
    assert.equal("type 1 has a size that is invalid for its kind", dump_refusal(b))
    b = btf.new()
    b:struct("s", 8, {{"m", b:int("int", 4), 65}})
    assert.equal("type 2 has members that cannot be declared", dump_refusal(b))
    b = btf.new()
    b:struct("s", 2^28, {{"m", b:int("int", 4), 0}})
    assert.equal("type 2 has members that cannot be declared", dump_refusal(b))
  end)

  it("stops at a type that fills itself up", function()
    local b = btf.new()
    b:struct("s", 2^28 - 8, {{"m", b:int("long", 8), 0}})
    local types = assert(lbpf.btf_new(b:bytes()))
    local text, _, errno = assert(lbpf.btf_dump(types)):dump_type(2)
    assert.is_nil(text)
    assert.equal(7, errno) -- E2BIG
  end)

  it("shows no value that lies outside of its type", function()
    local b = btf.new()
    local int = b:int("int", 4, 1)
    local far = b:struct("far", 4, {{"m", int, 32}})
    local inner = b:struct("inner", 400, {{"m", int, 0}})
    local outer = b:struct("outer", 8, {{"m", inner, 0}})
    local array = b:add("array", nil, 0, {inner, int, 4})
    local holder = b:struct("holder", 16, {{"m", array, 0}})
    local var = b:add("var", "v", inner, {1})
    local section = b:add("datasec", ".data", 8, {var, 0, 400}, 1)
    local types = assert(lbpf.btf_new(b:bytes()))
    local dump = assert(lbpf.btf_dump(types))
    for _, id in ipairs({far, outer, holder, section}) do
      local text, message = dump:dump_type_data(id, ("\1"):rep(16))
      assert.is_nil(text)
      assert.matches("type " .. id .. " has members outside of it", message)
    end
    assert.matches("%.m = %(int%)16843009", (dump:dump_type_data(inner, ("\1"):rep(400))))
  end)

  it("reads the words of bitfields at the end of a value", function()
    local b = btf.new()
    local long = b:int("long", 8)
    b:add("struct", "s", 3, {"b", long, 4 * 2^24 + 20}, 1, true)
    local types = assert(lbpf.btf_new(b:bytes()))
    local dump = assert(lbpf.btf_dump(types))
    assert.matches("%.b = %(long%)0xa", (dump:dump_type_data(2, "\0\0\160")))
  end)

  it("freezes its types as long as it lives", function()
    local b = btf.new()
    b:int("int", 4)
    local types = assert(lbpf.btf_new(b:bytes()))
    local dump = assert(lbpf.btf_dump(types))
    local other = assert(lbpf.btf_new_empty())
    for change, argument in pairs({set_pointer_size = 4, set_endianness = "big",
      load_into_kernel = false, set_fd = 0, add_ptr = 1, add_str = "s", find_str = "s",
      add_btf = other, dedup = {}, ext_data = {}}) do
      assert.error_matches(function()
        types[change](types, argument or nil)
      end, "BTF 'memory' cannot change: there is a dump of it")
    end
    assert.error_matches(function()
      lbpf.btf_new_empty(types):add_str("s")
    end, "BTF 'memory' cannot change: there is a dump of it")
    collectgarbage()
    collectgarbage()
    dump:close()
    assert.equal(types, types:set_pointer_size(4))
    assert(lbpf.btf_dump(types))
    collectgarbage()
    collectgarbage()
    assert.equal(types, types:set_pointer_size(8))
  end)

  it("is not closed under libbpf by who reads its messages", function()
    local b = btf.new()
    local empties = b:add("array", nil, 0, {b:struct("empty", 0, {}), b:int("int", 4), 1})
    local tag = b:add("decl_tag", "x", empties, {-1})
    local types = assert(lbpf.btf_new(b:bytes()))
    local dump = assert(lbpf.btf_dump(types))
    local errors = {}

    -- Runs it while libbpf's warnings close IT.
    local function close_within(it, fn, ...)
      lbpf.set_print(function()
        errors[#errors + 1] = select(2, pcall(it.close, it))
      end)
      fn(...)
      lbpf.set_print(nil)
    end

    close_within(types, types.align_of, types, tag)
    close_within(types, dump.dump_type_data, dump, empties, "")
    close_within(dump, dump.dump_type_data, dump, empties, "")
    assert.same({
      "BTF 'memory' is busy: close() inside its own callback",
      "BTF 'memory' is busy: close() inside its own callback",
      "dump of 'memory' is busy: close() inside its own callback",
    }, errors)
    assert.equal(5, types:type_cnt())
    assert.is_true(dump:close())
  end)
end)
