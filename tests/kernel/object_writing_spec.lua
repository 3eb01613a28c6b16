-- Objects that no compiler has seen: BTF, .BTF.ext and ELF written from Lua.
local bytes = require "bytes"
local child = require "child"
local insns = require "insns"
local lbpf = require "lbpf"
local needs = require "needs"

local insn = insns.insn

-- What counts how often it runs, by the pid that the kernel's struct has.
local code = table.concat({
  insns.call(35), -- r0 = bpf_get_current_task()
  insn(0x07, 0, 0, 0, 0), -- 1: r0 += the offset of task_struct.pid
  insns.mov_reg(3, 0),
  insns.mov(2, 4),
  insns.mov_reg(1, 10),
  insn(0x07, 1, 0, 0, 0xfffffff8), -- r1 += -8
  insn(0x7a, 10, 0, 0xfff8, 0), -- *(u64 *)(r10 - 8) = 0
  insns.call(113), -- bpf_probe_read_kernel(r10 - 8, 4, r0)
  insns.ld_map(1, 0), -- 8, 9: r1 = the map
  insns.mov_reg(2, 10),
  insn(0x07, 2, 0, 0, 0xfffffff8),
  insn(0x7a, 10, 0, 0xfff0, 7), -- *(u64 *)(r10 - 16) = 7
  insns.mov_reg(3, 10),
  insn(0x07, 3, 0, 0, 0xfffffff0),
  insns.mov(4, 0),
  insns.call(2), -- bpf_map_update_elem()
  insns.returns(0),
})

-- The types of the map `seen`, as bpf_helpers.h's __uint() and __type() have them.
local function add_map(types, int, u32, u64)
  local function uint(n)
    return types:add_ptr(types:add_array(int, int, n))
  end
  local kind, entries = uint(1), uint(64)
  local key, value = types:add_ptr(u32), types:add_ptr(u64)
  local map = types:add_struct(nil, 32)
  types:add_field("type", kind, 0):add_field("max_entries", entries, 64)
  types:add_field("key", key, 128):add_field("value", value, 192)
  local var = types:add_var("seen", "global", map)
  types:add_datasec(".maps", 32)
  types:add_datasec_var_info(var, 0, 32)
end

local function build()
  local types = assert(lbpf.btf_new_empty())
  local int = types:add_int("int", 4, "signed")
  local u32, u64 = types:add_int("u32", 4), types:add_int("u64", 8)
  add_map(types, int, u32, u64)
  local task = types:add_struct("task_struct", 4)
  types:add_field("pid", int, 0)
  local proto = types:add_func_proto(int)
  types:add_func_param("ctx", types:type_cnt() + 1)
  local func = types:add_func("count_pids", "global", proto)
  types:add_ptr(0)
  local function line(offset, number, source)
    return {section = "raw_tp/sys_enter", offset = offset, file = "pids.lua", line = number,
      column = 3, source = source}
  end
  local ext = types:ext_data {
    line_info = {line(64, 2, "seen[pid] = 7"), line(0, 1, "local pid = task.pid")},
    func_info = {{section = "raw_tp/sys_enter", offset = 0, type = func}},
    core_relo = {{section = "raw_tp/sys_enter", offset = 8, type = task, access = "0:0",
      kind = "field_byte_offset"}},
  }
  return (assert(lbpf.elf {
    sections = {
      {name = "raw_tp/sys_enter", flags = "ax", data = code},
      {name = ".maps", flags = "aw", data = ("\0"):rep(32)},
      {name = "license", flags = "aw", data = "GPL\0", align = 1},
      {name = ".BTF", data = types:raw_data(), align = 4},
      {name = ".BTF.ext", data = ext, align = 4},
    },
    symbols = {
      {name = "count_pids", section = "raw_tp/sys_enter", size = #code, type = "func"},
      {name = "seen", section = ".maps", size = 32, type = "object"},
      {section = "raw_tp/sys_enter", type = "section"},
    },
    relocations = {{section = "raw_tp/sys_enter", offset = 64, symbol = "seen"}},
  }))
end

describe("an object written from Lua", function()
  it("is loaded, relocated to the kernel's types, and runs", needs({"root", "btf"}, function()
    local object = assert(lbpf.open_mem(build()))
    assert(object:load())
    assert(object.progs.count_pids:test_run({ctx_in = ("\0"):rep(16)}))
    assert.equal(7, tonumber(object.maps.seen:lookup(child.kernel_pid())))
    assert.equal(1, object.maps.seen:count())
    object:close()
  end))

  it("has lines, which the kernel knows and the verifier names", needs({"root", "btf"}, function()
    local object = assert(lbpf.open_mem(build()))
    assert(object:load())
    local lines = assert(lbpf.prog_linfo(object.progs.count_pids))
    -- It begins at instruction 8, or later where the kernel has put in a helper's code.
    local info = lines:lfind(12)
    assert.same({"pids.lua", 2, 3, "seen[pid] = 7"}, {info.file, info.line, info.col, info.text})
    object:close()

    local outside = build():gsub("\122\10\240\255\7", "\122\10\0\0\7", 1) -- *(u64 *)(r10 + 0) = 7
    object = assert(lbpf.open_mem(outside))
    local loaded, message, errno = object:load()
    assert.is_nil(loaded)
    assert.equal(13, errno)
    assert.matches("; seen%[pid%] = 7", message)
    object:close()
  end))

  it("is read by bpftool", needs({"root", "bpftool"}, function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(build())
    file:close()
    local text, status = child.output("unset LD_PRELOAD; bpftool btf dump file " .. path)
    assert.equal(0, status)
    assert.matches("FUNC 'count_pids' type_id=%d+ linkage=global", text)
    assert.matches("DATASEC '%.maps' size=32 vlen=1", text)
    local pin = "/sys/fs/bpf/lbpf_object_writing"
    text, status = child.output(("unset LD_PRELOAD; bpftool prog load %s %s"):format(path, pin))
    assert.same({"", 0}, {text, status})
    text = child.output("unset LD_PRELOAD; bpftool prog dump xlated pinned " .. pin)
    os.remove(pin)
    os.remove(path)
    assert.matches("; local pid = task%.pid", text)
    assert.matches("; seen%[pid%] = 7", text)
  end))
end)

describe("lbpf.elf", function()
  -- What it raises of a file with one section, one symbol and one relocation, but for a change.
  local function refusal(change)
    local what = {
      sections = {{name = "xdp", flags = "ax", data = insns.returns(0)}},
      symbols = {{name = "f", section = "xdp", size = 16, type = "func"}},
      relocations = {{section = "xdp", offset = 8, symbol = "f", type = "64_32"}},
    }
    change(what)
    local ok, message = pcall(lbpf.elf, what)
    assert.is_false(ok)
    return message:match("%((.*)%)$")
  end

  it("names what is wrong, and where", function()
    assert.equal("option 'sections' must be a list", refusal(function(what)
      what.sections = 3
    end))
    assert.equal("sections[1]: must be a table", refusal(function(what)
      what.sections[1] = "xdp"
    end))
    assert.matches("^sections%[1%]: unknown option 'bytes'; expected one of: name, type, flags, ",
      refusal(function(what) what.sections[1].bytes = "" end))
    for _, case in ipairs({
      {"sections[1]: 'name' is missing", "sections", "name", nil},
      {"sections[1]: 'data' must be a string", "sections", "data", nil},
      {"sections[1]: no type 'bits': see lbpf.elf", "sections", "type", "bits"},
      {"sections[1]: 'flags' must consist of a, w and x", "sections", "flags", "rx"},
      {"sections[1]: 'align' must be a power of 2", "sections", "align", 12},
      {"sections[1]: a section of type 'nobits' has no 'data'", "sections", "type", "nobits"},
      {"symbols[1]: 'name' is missing", "symbols", "name", nil},
      {"symbols[1]: no section 'tc'", "symbols", "section", "tc"},
      {"symbols[1]: it ends after the end of its section", "symbols", "value", 8},
      {"relocations[1]: no symbol 'g'", "relocations", "symbol", "g"},
      {"relocations[1]: 'symbol' must be the name of a symbol, or its index", "relocations",
        "symbol", 2},
      {"relocations[1]: it changes 8 bytes, but its section ends before that", "relocations",
        "offset", 9},
      {"relocations[1]: no type 'x': see lbpf.elf", "relocations", "type", "x"},
    }) do
      assert.equal(case[1], refusal(function(what) what[case[2]][1][case[3]] = case[4] end))
    end
    assert.equal("symbols[1]: the symbol of a section must be local", refusal(function(what)
      what.symbols[1].type, what.symbols[1].bind = "section", "global"
    end))
    assert.equal("sections[2]: another section has that name", refusal(function(what)
      what.sections[2] = what.sections[1]
    end))
    assert.equal("relocations[1]: several symbols are called 'f': use the index",
      refusal(function(what) what.symbols[2] = what.symbols[1] end))
    assert.equal("option 'endianness' must be \"little\" or \"big\"", refusal(function(what)
      what.endianness = "middle"
    end))
  end)

  it("writes what binutils read, in both orders of bytes", function()
    for _, order in ipairs({"little", "big"}) do
      local path = os.tmpname()
      local file = assert(io.open(path, "wb"))
      file:write(lbpf.elf {
        endianness = order,
        sections = {
          {name = "xdp", flags = "ax", data = insns.returns(0)},
          {name = ".bss", flags = "aw", type = "nobits", size = 24},
        },
        symbols = {
          {name = "f", section = "xdp", size = 16, type = "func", visibility = "hidden"},
          {name = "missing", bind = "weak"},
          {name = "inner", section = ".bss", value = 8, size = 8, type = "object",
            bind = "local"},
        },
        relocations = {{section = "xdp", offset = 0, symbol = 2, type = "64_32"}},
      })
      file:close()
      local text, status = child.output("readelf -W -h -S -s -r " .. path)
      os.remove(path)
      assert.equal(0, status)
      assert.is_nil(text:find("[Ww]arning"))
      assert.matches("2's complement, " .. order .. " endian", text)
      assert.matches("%.bss +NOBITS +%x+ %x+ 000018", text)
      assert.matches("1: 0000000000000008 +8 OBJECT +LOCAL +DEFAULT", text)
      assert.matches("2: 0000000000000000 +16 FUNC +GLOBAL +HIDDEN", text)
      assert.matches("3: 0000000000000000 +0 NOTYPE +WEAK +DEFAULT +UND missing", text)
      assert.matches("0000000000000000  000000030000000a", text)
    end
  end)
end)

describe("btf:ext_data", function()
  local types, func

  before_each(function()
    types = assert(lbpf.btf_new_empty())
    local proto = types:add_func_proto(types:add_int("int", 4))
    func = types:add_func("f", "global", proto)
  end)

  local function refusal(info)
    local ok, message = pcall(types.ext_data, types, info)
    assert.is_false(ok)
    return message:match("%((.*)%)$")
  end

  it("names what is wrong, and where", function()
    assert.equal("func_info[1]: 'section' is missing", refusal({func_info = {{type = func}}}))
    assert.equal("func_info[1]: 'type' is not a function",
      refusal({func_info = {{section = "xdp", type = 1}}}))
    assert.equal("func_info[1]: 'offset' must be a multiple of 8, the size of an instruction",
      refusal({func_info = {{section = "xdp", type = func, offset = 4}}}))
    assert.equal("line_info[2]: the highest line is 4194303, the highest column 1023",
      refusal({line_info = {{section = "xdp"}, {section = "xdp", offset = 8, column = 1024}}}))
    assert.equal("line_info: 'xdp' has two of offset 8", refusal({line_info = {
      {section = "xdp", offset = 8}, {section = "tc", offset = 8}, {section = "xdp", offset = 8},
    }}))
    assert.equal("core_relo[1]: there is no such 'type'",
      refusal({core_relo = {{section = "xdp", type = 99, kind = "type_size"}}}))
    assert.matches("^core_relo%[1%]: 'kind' must be a kind of relocation",
      refusal({core_relo = {{section = "xdp", type = 1, kind = "size"}}}))
  end)

  it("sorts by section and offset, and is what libbpf takes", function()
    local data = types:ext_data {
      line_info = {
        {section = "b", offset = 16, line = 3}, {section = "a", offset = 0, line = 1, column = 2},
        {section = "b", offset = 8, line = 2},
      },
      func_info = {{section = "a", type = func}},
    }
    local ext = assert(lbpf.btf_ext_new(data))
    assert.equal(data, ext:raw_data())
    local b, a = types:find_str("b"), types:find_str("a")
    local empty = bytes.u32(types:find_str(""))
    local function line(offset, number, column)
      return bytes.u32(offset) .. empty .. empty .. bytes.u32(number * 1024 + (column or 0))
    end
    assert.equal(bytes.u32(16) .. bytes.u32(a) .. bytes.u32(1) .. line(0, 1, 2)
      .. bytes.u32(b) .. bytes.u32(2) .. line(8, 2) .. line(16, 3), data:sub(32 + 20 + 1))
    assert.equal("lbpf.btf_ext", tostring(ext))
    assert.is_true(ext:close())
    assert.error_matches(function() ext:raw_data() end, "BTF.ext 'memory' is closed")
  end)
end)
