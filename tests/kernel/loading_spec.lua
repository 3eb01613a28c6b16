-- The ways from an opened object into the kernel, and its parts in order and by name.
local fdinfo = require "fdinfo"
local lbpf = require "lbpf"
local needs = require "needs"

local OBJECT = "build/bpf/generable.bpf.o"

local function write(bytes)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  return path
end

describe("an object's parts", function()
  local object

  before_each(function()
    object = assert(lbpf.open(OBJECT))
  end)

  after_each(function()
    object:close()
  end)

  it("come forwards and backwards", function()
    local first = object:next_program()
    local last = object:prev_program()
    assert.equal("count", first:name())
    assert.equal("other", last:name())
    assert.equal(last, object:next_program(first))
    assert.equal(first, object:prev_program(last))
    assert.is_nil(object:prev_program(first))
    assert.is_nil(object:next_program(last))
    local map = object:prev_map()
    assert.equal(object.maps[".rodata"], map)
    assert.equal(object.maps.counts, object:prev_map(map))
    assert.is_nil(object:prev_map(object.maps.counts))
    assert.error_matches(function() object:prev_map(first) end, "bad argument #1")
  end)

  it("are found by name", needs("root", function()
    assert.equal(object.progs.count, object:find_program_by_name("count"))
    assert.is_nil(object:find_program_by_name("nobody"))
    assert.equal(object.maps.counts, object:find_map_by_name("counts"))
    assert.equal(object.maps[".rodata"], object:find_map_by_name(".rodata"))
    assert.equal(object.maps[".rodata"], object:find_map_by_name("generabl.rodata"))
    assert.is_nil(object:find_map_by_name("nobody"))
    assert.is_nil(object:find_map_fd_by_name("nobody"))
    assert.error_matches(function() object:find_map_fd_by_name("counts") end,
      "^map 'counts' does not exist: object '.-' is not loaded$")
    assert(object:load())
    local fd = object:find_map_fd_by_name("counts")
    assert.equal(object.maps.counts:fd(), fd)
    assert.equal("42", fdinfo.read(fd).max_entries)
  end))
end)

describe("loading", function()
  local object

  before_each(function()
    object = assert(lbpf.open(OBJECT))
  end)

  after_each(function()
    object:close()
  end)

  it("is not interfered with by its own callbacks", needs("root", function()
    local seen = {}
    local id = lbpf.register_prog_handler("raw_tp/", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function(prog)
        if prog:name() ~= "other" then
          return
        end
        local map, first = object.maps.counts, object.progs.count
        for name, call in pairs({
          load = function() object:load() end,
          gen_loader = function() object:gen_loader() end,
          unpin_maps = function() object:unpin_maps("/sys/fs/bpf") end,
          unload = function() first:unload() end,
          reuse_fd = function() map:reuse_fd(0) end,
          set_pin_path = function() map:set_pin_path("/sys/fs/bpf/lbpf-never") end,
          set_max_entries = function() map:set_max_entries(1) end,
        }) do
          local _, message = pcall(call)
          seen[name] = message:match("is busy: ([%w_]+)%(%) inside its own callback$")
        end
      end})
    object:close()
    object = assert(lbpf.open(OBJECT))
    lbpf.unregister_prog_handler(id)
    assert(object:load())
    for _, name in ipairs({"load", "gen_loader", "unpin_maps", "unload", "reuse_fd",
                           "set_pin_path", "set_max_entries"}) do
      assert.equal(name, seen[name])
    end
  end))

  it("says a kernel version", needs("root", function()
    local major, minor = io.open("/proc/version"):read("*a"):match("version (%d+)%.(%d+)")
    local running = math.floor(object:kversion() / 256)
    assert.equal(major * 256 + minor, running)
    assert.equal(object, object:set_kversion(123))
    assert.equal(123, object:kversion())
    assert(object:load())
    assert.error_matches(function() object:set_kversion(5) end,
      "^too late, object '.-' has been loaded$")
  end))

  it("can be undone for one program", needs("root", function()
    local prog = object.progs.count
    assert.error_matches(function() prog:unload() end, "^program 'count' is not loaded$")
    assert(object:load())
    local before = fdinfo.count_bpf()
    assert.equal(prog, prog:unload())
    assert.equal(before - 1, fdinfo.count_bpf())
    assert.error_matches(function() prog:fd() end,
      "^program 'count' is not loaded: it was unloaded$")
    assert.error_matches(function() prog:unload() end, "it was unloaded$")
    assert.is_number(object.progs.other:fd())
    assert.is_number(object.maps.counts:fd())
  end))

  it("can be made a program, which does it", needs({"root", "syscall programs"}, function()
    local before = fdinfo.count_bpf()
    local loader = assert(object:gen_loader())
    assert.equal(before, fdinfo.count_bpf())
    local insns, data = write(loader.insns), write(loader.data)
    local pipe = io.popen(("build/helpers/run_loader %s %s 2 2 2>&1"):format(insns, data))
    assert.equal("map 1 42\nmap 2 1\nprog count\nprog other\n", pipe:read("*a"))
    pipe:close()
    os.remove(insns)
    os.remove(data)
  end))

  it("in two steps", needs({"root", "libbpf 1.6"}, function()
    local map, prog = object.maps.counts, object.progs.other
    assert.equal(object, object:prepare())
    assert.equal("42", fdinfo.read(map:fd()).max_entries)
    assert(map:view({raw = true}):update("\1\0\0\0", "12345678"))
    assert.error_matches(function() prog:fd() end, "^program 'other' is not loaded$")
    assert.error_matches(function() object:prepare() end, "^object '.-' is prepared already$")
    assert.error_matches(function() object:gen_loader() end, "^object '.-' is prepared already$")
    assert.error_matches(function() map:set_max_entries(3) end,
      "^map 'counts': too late, object '.-' has been loaded$")
    assert.error_matches(function() object:attach() end, "is not loaded$")
    -- programs may still be changed
    assert.equal(prog, prog:set_autoload(false))
    assert.error_matches(function() prog:set_autoload(true) end,
      "^program 'other': too late, object '.-' has been prepared without it$")
    assert.equal(object, object:load())
    assert.is_number(object.progs.count:fd())
    assert.error_matches(function() prog:fd() end, "its autoload is off$")
    assert.equal("12345678", map:view({raw = true}):lookup("\1\0\0\0"))
    assert.error_matches(function() object:prepare() end, "^object '.-' is loaded already$")
  end))

  it("that was prepared for, and fails, ends the object", needs({"root", "libbpf 1.6"}, function()
    object.maps.counts:set_key_size(0)
    local ok, message = object:prepare()
    assert.is_nil(ok)
    assert.matches("^prepare '.-': .*map 'counts': failed to create", message)
    assert.error_matches(function() object:load() end, "cannot be loaded: a load has failed$")
  end))

  it("tells functions and lines", needs({"root", "libbpf 1.6"}, function()
    local prog = object.progs.count
    assert(object:load())
    local funcs, lines = prog:func_info(), prog:line_info()
    assert.equal(1, #funcs)
    assert.equal(1, prog:func_info_cnt())
    assert.equal(0, funcs[1].insn_off)
    assert.is_true(funcs[1].type_id > 0)
    assert.equal(#lines, prog:line_info_cnt())
    assert.is_true(#lines > 3)
    assert.equal(0, lines[1].insn_off)
    -- in the order of the instructions, of lines of the file that it was compiled from
    for i, line in ipairs(lines) do
      local number = math.floor(line.line_col / 1024)
      -- 0 is what the compiler can name no line for
      assert.is_true(number == 0 or number >= 17 and number <= 24)
      assert.is_true(number == 0 or line.line_off > 0 and line.file_name_off > 0)
      assert.is_true(i == 1 or line.insn_off > lines[i - 1].insn_off)
    end
    prog:unload()
    assert.same({}, prog:func_info())
    assert.same({}, prog:line_info())
  end))

  it("has no token, unless it was asked for one", needs("libbpf 1.5", function()
    assert.is_nil(object:token_fd())
  end))

  it("needs a newer libbpf for what it brought", function()
    local prog = object.progs.count
    local calls = {
      ["object.prepare"] = function() return object:prepare() end,
      ["object.token_fd"] = function() return object:token_fd() end,
      ["program.func_info"] = function() return prog:func_info() end,
      ["program.line_info"] = function() return prog:line_info() end,
      ["gen_loader.gen_hash"] = function() return object:gen_loader({gen_hash = true}) end,
    }
    for name, call in pairs(calls) do
      if not lbpf.has(name) then
        local _, first, second = pcall(call) -- an option is misuse, a function is refused
        assert.matches("needs libbpf 1%.%d, this is v1%.%d", second or first)
      end
    end
    if not lbpf.has("program.func_info") then
      assert.matches("needs libbpf 1.6", (select(2, prog:func_info_cnt())))
      assert.matches("needs libbpf 1.6", (select(2, prog:line_info_cnt())))
    end
    assert.error_matches(function() object:gen_loader({hash = true}) end,
      "unknown option 'hash'; expected one of: gen_hash")
  end)

  it("associates programs with struct_ops only", needs("root", function()
    assert(object:load())
    local call = function()
      return object.progs.count:assoc_struct_ops(object.maps.counts)
    end
    if lbpf.has("program.assoc_struct_ops") then
      local ok, message, errno = call()
      assert.is_nil(ok)
      assert.matches("^assoc_struct_ops: program 'count': Invalid argument", message)
      assert.matches("can't associate non%-struct_ops map", message)
      assert.equal(22, errno)
    else
      assert.matches("^program:assoc_struct_ops needs libbpf 1.7, this is v1", (select(2, call())))
    end
  end))
end)
