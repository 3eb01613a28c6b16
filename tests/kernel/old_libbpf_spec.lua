-- Functions that an older libbpf lacks: what their comments say, "@fails EOPNOTSUPP before libbpf
-- 1.5", is what they return.
local insns = require "insns"
local lbpf = require "lbpf"
local needs = require "needs"
local rings = require "rings"

-- {"program:attach_tcx" = "1.3", ...}
local function documented()
  local found = {}
  local files = assert(io.popen("cat core/*/*.c"))
  for comment in files:read("*a"):gmatch("/%*%*%*.-%*/") do
    local name = comment:match("@function ([%w_:]+)")
    found[name or ""] = comment:match("EOPNOTSUPP before%s+libbpf%s+(%d+%.%d+)")
  end
  files:close()
  return found
end

local major, minor = lbpf.version_string():match("v(%d+)%.(%d+)")

local function is_older(version)
  local wanted_major, wanted_minor = version:match("(%d+)%.(%d+)")
  return major * 1000 + minor < wanted_major * 1000 + wanted_minor
end

describe("a function that libbpf lacks", function()
  local object, unloaded, ring, calls

  before_each(needs("root", function()
    object = rings.load()
    ring = assert(lbpf.ring_buffer(object.maps.first, print))
    local prog, map = object.progs.fill, object.maps.order
    unloaded = assert(lbpf.open("build/bpf/perf.bpf.o"))
    local new_prog, new_map = unloaded.progs.fill, unloaded.maps.events
    local globals = unloaded.maps[".bss"]
    local types = assert(lbpf.btf_new_empty())
    local int = types:add_int("int", 4)
    local ext = assert(lbpf.btf_ext_new(types:ext_data {line_info = {{section = "xdp"}}}))
    calls = {
      ["program:assoc_struct_ops"] = function() return prog:assoc_struct_ops(map) end,
      ["program:attach_uprobe_multi"] = function()
        return prog:attach_uprobe_multi(nil, "/bin/true", "main")
      end,
      ["program:attach_sockmap"] = function() return prog:attach_sockmap(map) end,
      ["program:attach_tracing_multi"] = function() return prog:attach_tracing_multi("vfs_*") end,
      ["program:clone"] = function() return prog:clone() end,
      ["program:attach_tcx"] = function() return prog:attach_tcx(1) end,
      ["program:attach_netkit"] = function() return prog:attach_netkit(1) end,
      ["program:attach_netfilter"] = function() return prog:attach_netfilter({pf = 2}) end,
      ["program:func_info"] = function() return prog:func_info() end,
      ["program:func_info_cnt"] = function() return prog:func_info_cnt() end,
      ["program:line_info"] = function() return prog:line_info() end,
      ["program:line_info_cnt"] = function() return prog:line_info_cnt() end,
      ["link:update_map"] = function()
        local ops = assert(assert(lbpf.open("build/bpf/struct_ops.bpf.o")):load())
        local link = assert(ops.maps.algorithm:attach_struct_ops())
        local results = {link:update_map(ops.maps.algorithm)}
        link:destroy()
        ops:close()
        return (table.unpack or unpack)(results, 1, 3) -- luacheck: ignore
      end,
      ["map:set_value_size"] = function() return globals:set_value_size(64) end,
      ["map:autoattach"] = function() return new_map:autoattach() end,
      ["map:set_autoattach"] = function() return new_map:set_autoattach(true) end,
      ["map:exclusive_program"] = function() return new_map:exclusive_program() end,
      ["map:set_exclusive_program"] = function() return new_map:set_exclusive_program(new_prog) end,
      ["object:prepare"] = function() return unloaded:prepare() end,
      ["object:token_fd"] = function() return unloaded:token_fd() end,
      ["object:unpin"] = function() return object:unpin("/sys/fs/bpf/no/such") end,
      btf_new_empty = function() return lbpf.btf_new_empty(nil, {add_layout = true}) end,
      ["btf:permute"] = function() return types:permute({1}) end,
      ["btf:distill_base"] = function() return types:distill_base() end,
      ["btf:relocate"] = function() return types:relocate(types) end,
      ["btf:add_type_attr"] = function() return types:add_type_attr("x", int) end,
      ["btf:add_decl_attr"] = function() return types:add_decl_attr("x", int) end,
      ["btf_ext:endianness"] = function() return ext:endianness() end,
      ["btf_ext:set_endianness"] = function() return ext:set_endianness("big") end,
      set_memlock_rlim = function() return lbpf.set_memlock_rlim(0) end,
      token_create = function() return lbpf.token_create(object.maps.order:fd()) end,
      prog_stream_read = function()
        return lbpf.prog_stream_read(assert(lbpf.prog_load("socket_filter", nil, "GPL",
          insns.returns(0))), 1)
      end,
    }
  end))

  after_each(function()
    if ring then
      ring:close()
      object:close()
      unloaded:close()
    end
  end)

  it("returns what its comment says", needs("root", function()
    for name, version in pairs(documented()) do
      local call = assert(calls[name], name .. " is not called here")
      if is_older(version) then
        local result, message, errno = call()
        assert.is_nil(result, name)
        assert.matches("needs libbpf " .. version .. ", this is v", message, 1, true)
        assert.equal(95, errno, name)
      end
    end
    for name in pairs(calls) do
      assert.is_string(documented()[name], name)
    end
  end))
end)
