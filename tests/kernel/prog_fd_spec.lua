-- Programs by descriptor: loaded from instructions, run on given input, bound to maps.

local lbpf = require "lbpf"
local insns = require "insns"
local bytes = require "bytes"
local fds = require "fds"
local needs = require "needs"
local u32, u64 = bytes.u32, bytes.u64

local ENOENT, EACCES, EINVAL, ENOSPC, EOPNOTSUPP, ENOTSUPP = 2, 13, 22, 28, 95, 524

local function load(code, opts)
  return lbpf.prog_load("socket_filter", "by_hand", "GPL", code, opts)
end

describe("prog_load", function()
  it("loads instructions that run", needs("root", function()
    local prog, log = load(insns.returns(7))
    assert.is_nil(log)
    assert.equal("1", fds.info(prog).prog_type)
    assert.equal(7, assert(lbpf.prog_test_run(prog, {data_in = ("\0"):rep(14)})).retval)
  end))

  it("gives the verifier's log of what it rejects", needs("root", function()
    local before = fds.count()
    local prog, message, errno, log = load(insns.exit())
    assert.is_nil(prog)
    assert.equal(EACCES, errno)
    assert.matches("^prog_load 'by_hand': Permission denied %(EACCES%); the verifier's log says",
      message)
    assert.matches("R0 !read_ok\n", message)
    assert.matches("0: %(95%) exit\nR0 !read_ok\n", log)
    assert.equal(before, fds.count())
  end))

  it("gives the log of what it accepts, if asked", needs("root", function()
    local prog, log = assert(load(insns.returns(7), {log_level = 2}))
    assert.equal("lbpf.fd", tostring(prog):match("^[^:]+"))
    assert.matches("0: %(b7%) r0 = 7", log)
  end))

  it("enlarges the buffer for a long log, unless its size is given", needs("root", function()
    local code = {}
    for i = 1, 3000 do
      code[i] = insns.mov(0, i)
    end
    code = table.concat(code) .. insns.exit()
    local prog, log = load(code, {log_level = 2})
    assert(prog, log)
    assert.is_true(#log > 65536)
    assert.matches("2999: %(b7%) r0 = 3000", log)
    local message, errno
    prog, message, errno, log = load(code, {log_level = 2, log_size = 4096})
    assert.is_nil(prog)
    assert.equal(ENOSPC, errno)
    assert.matches("^prog_load 'by_hand': No space left on device %(ENOSPC%)", message)
    assert.is_true(#log < 4096)
  end))

  it("takes maps as descriptors in a list", needs({"root", "lists of maps"}, function()
    local map = assert(lbpf.map_create("array", "in_list", 4, 8, 1))
    local other = assert(lbpf.map_create("array", "other", 4, 8, 1))
    local prog = assert(load(insns.ld_map_idx(1, 1) .. insns.returns(0), {fd_array = {other, map}}))
    assert.same({lbpf.map_get_info_by_fd(map).id}, lbpf.prog_get_info_by_fd(prog).map_ids)
  end))

  it("obeys the expected attach type", needs("root", function()
    local prog = assert(lbpf.prog_load("cgroup_sock_addr", nil, "GPL", insns.returns(1),
      {expected_attach_type = "cgroup_inet4_connect"}))
    local _, _, errno = lbpf.link_create(prog, 0, "cgroup_inet6_connect")
    assert.equal(EINVAL, errno)
  end))

  it("names the argument or option that is wrong", function()
    local function refused(pattern, ...)
      local ok, message = pcall(lbpf.prog_load, ...)
      assert.is_false(ok)
      assert.matches(pattern, message)
    end
    refused("#4 .*1 to 1,000,000 instructions", "xdp", nil, "GPL", "")
    refused("#4 .*1 to 1,000,000 instructions", "xdp", nil, "GPL", "12345678x")
    refused("#1 .*has no program type 'xpd'", "xpd", nil, "GPL", insns.returns(0))
    refused("#5 .*option 'func_info' must be records of func_info_rec_size", "xdp", nil, "GPL",
      insns.returns(0), {func_info = "1234"})
    refused("#5 .*'line_info' must be records", "xdp", nil, "GPL", insns.returns(0),
      {line_info = "1234567", line_info_rec_size = 4})
    refused("#5 .*option 'fd_array': %[1%]: expected a file descriptor", "xdp", nil, "GPL",
      insns.returns(0), {fd_array = {"x"}})
    refused("#5 .*unknown option 'log'", "xdp", nil, "GPL", insns.returns(0), {log = true})
  end)
end)

describe("btf_load", function()
  -- "int", of 4 bytes, signed
  local INT = u32(1) .. u32(0x01000000) .. u32(4) .. u32(0x01000020)
  local STRINGS = "\0int\0"

  local function btf(types)
    return "\159\235\1\0" .. u32(24) .. u32(0) .. u32(#types) .. u32(#types) .. u32(#STRINGS)
      .. types .. STRINGS
  end

  it("loads BTF, which comes back as it was", needs("root", function()
    local data = btf(INT)
    local fd = assert(lbpf.btf_load(data))
    local info = assert(lbpf.btf_get_info_by_fd(fd, {btf = true}))
    assert.equal(data, info.btf)
    assert.equal(#data, info.btf_size)
    assert.is_false(info.kernel_btf)
    assert.equal("", info.name)
    assert.equal(fds.info(fd).btf_id, tostring(info.id))
  end))

  it("types a map", needs("root", function()
    local fd = assert(lbpf.btf_load(btf(INT)))
    local map = assert(lbpf.map_create("array", nil, 4, 4, 1,
      {btf_fd = fd, btf_key_type_id = 1, btf_value_type_id = 1}))
    local info = lbpf.map_get_info_by_fd(map)
    assert.same({lbpf.btf_get_info_by_fd(fd).id, 1, 1},
      {info.btf_id, info.btf_key_type_id, info.btf_value_type_id})
  end))

  it("gives the kernel's log of what it rejects", needs("root", function()
    local fd, message, errno, log = lbpf.btf_load(btf(INT:sub(1, 12) .. u32(0x01000030)))
    assert.is_nil(fd)
    assert.equal(EINVAL, errno)
    assert.matches("^btf_load: Invalid argument %(EINVAL%)\n", message)
    assert.matches("%[1%] INT int", log)
  end))
end)

describe("prog_test_run", function()
  local object

  before_each(function()
    object = lbpf.open("build/bpf/testrun.bpf.o")
    if object then
      object:load()
    end
  end)

  after_each(function()
    object:close()
    object = nil
  end)

  it("runs a packet program, and gives the packet as the program left it",
    needs("root", function()
      local frame = "AAAAAABBBBBB\8\0" .. ("payload."):rep(10)
      local result = assert(object.progs.swap_and_grow:test_run({data_in = frame}))
      local XDP_TX = 3
      assert.equal(XDP_TX, result.retval)
      assert.equal("\171\205BBBBBBAAAAAA" .. frame:sub(13), result.data_out)
      assert.equal(#frame + 2, #result.data_out)
      assert.is_nil(result.ctx_out)
    end))

  it("runs it by descriptor, as often as asked", needs("root", function()
    local run = assert(lbpf.prog_test_run(object.progs.count:fd(),
      {data_in = ("\0"):rep(14), ["repeat"] = 1000}))
    assert.equal(0, run.retval)
    assert.equal(1000, tonumber(object.maps.counts:lookup(1)))
    assert.equal("number", type(run.duration))
  end))

  it("takes a context, and gives it back", needs("root", function()
    -- struct __sk_buff, whose cb[0] is at 48, mark at 8
    local ctx = ("\0"):rep(48) .. u32(99) .. ("\0"):rep(140)
    local result = assert(object.progs.mark:test_run({
      data_in = ("\0"):rep(64), ctx_in = ctx, ctx_size_out = #ctx,
    }))
    assert.equal(2, result.retval) -- TC_ACT_SHOT
    assert.equal(u32(100), result.ctx_out:sub(9, 12))
    assert.equal(u32(99), result.ctx_out:sub(49, 52))
    local missing = #ctx - #result.ctx_out
    assert.is_true(missing == 0 or missing == 8) -- old kernels have no hwtstamp at the end
  end))

  it("leaves the script's string alone when the kernel writes the context back",
    needs({"root", "syscall programs"}, function()
      local ctx = u32(40) .. u32(2) .. u64(0)
      local summing = assert(lbpf.open("build/bpf/syscall.bpf.o")):load()
      local result = assert(summing.progs.add:test_run({ctx_in = ctx}))
      assert.equal(42, result.retval)
      assert.equal(u32(40) .. u32(2) .. u64(42), result.ctx_out)
      assert.equal(u32(40) .. u32(2) .. u64(0), ctx)
      assert.is_nil(result.data_out)
      summing:close()
    end))

  it("says when the buffer is too small", needs("root", function()
    local result, message, errno =
      object.progs.swap_and_grow:test_run({data_in = ("A"):rep(64), data_size_out = 10})
    assert.is_nil(result)
    assert.matches("^prog_test_run: descriptor %d+: No space left on device %(ENOSPC%)", message)
    assert.equal(ENOSPC, errno)
    assert.is_nil(assert(object.progs.swap_and_grow:test_run(
      {data_in = ("A"):rep(64), data_size_out = 0})).data_out)
  end))

  it("says which programs cannot be run", needs("root", function()
    local prog = assert(lbpf.prog_load("cgroup_device", nil, "GPL", insns.returns(1)))
    local result, _, errno = lbpf.prog_test_run(prog)
    assert.is_nil(result)
    assert.equal(ENOTSUPP, errno)
  end))

  it("names the option that is wrong", needs("root", function()
    local ok, message = pcall(lbpf.prog_test_run, object.progs.count, {data_in = true})
    assert.is_false(ok)
    assert.matches("#2 .*option 'data_in' must be a string", message)
    ok, message = pcall(lbpf.prog_test_run, object.progs.count, {cpu = -1})
    assert.is_false(ok)
    assert.matches("#2 .*'cpu' is out of range", message)
  end))
end)

describe("prog_stream_read", function()
  it("takes what a program wrote", needs({"root", "libbpf 1.6", "streams"}, function()
    local prog = assert(load(insns.returns(0)))
    assert.equal("", lbpf.prog_stream_read(prog, "stdout"))
    assert.equal("", lbpf.prog_stream_read(prog, 2, 10))
    local text, message, errno = lbpf.prog_stream_read(prog, 3)
    assert.is_nil(text)
    assert.matches("^prog_stream_read: descriptor %d+: No such file or directory", message)
    assert.equal(ENOENT, errno)
  end))

  it("is there with libbpf 1.6", needs("root", function()
    local prog = assert(load(insns.returns(0)))
    local text, message = lbpf.prog_stream_read(prog, "stderr")
    assert.is_true(text == "" or message:find("prog_stream_read needs libbpf 1.6", 1, true) ~= nil)
    local ok, wrong = pcall(lbpf.prog_stream_read, prog, "stdlog")
    assert.is_false(ok)
    assert.matches("#2 .*invalid option 'stdlog'", wrong)
  end))
end)

describe("token_create", function()
  it("is for user namespaces", needs({"root", "bpffs"}, function()
    local file, bpffs = fds.open("/sys/fs/bpf")
    local token, message, errno = lbpf.token_create(bpffs)
    assert.is_nil(token)
    assert.matches("^token_create", message)
    assert.equal(EOPNOTSUPP, errno)
    file:close()
  end))
end)

describe("prog_bind_map", function()
  it("makes a program keep a map", needs("root", function()
    local prog = assert(load(insns.returns(0)))
    local map = assert(lbpf.map_create("array", "bound", 4, 4, 1))
    local id = lbpf.map_get_info_by_fd(map).id
    assert.same({}, lbpf.prog_get_info_by_fd(prog).map_ids)
    assert.equal(prog, lbpf.prog_bind_map(prog, map))
    assert.same({id}, lbpf.prog_get_info_by_fd(prog).map_ids)
    map:close()
    assert.equal("bound", lbpf.map_get_info_by_fd(assert(lbpf.map_get_fd_by_id(id))).name)
  end))
end)
