-- Type information from the kernel, and in it.
local btf = require "btf"
local lbpf = require "lbpf"
local needs = require "needs"

local function exists(path)
  local f = io.open(path)
  if f then
    f:close()
  end
  return f ~= nil
end

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo status $?"))
  local output = pipe:read("*a")
  pipe:close()
  return output:match("^(.*)status (%d+)\n$")
end

describe("the kernel's BTF", function()
  local vmlinux

  lazy_setup(function()
    vmlinux = assert(lbpf.btf_load_vmlinux_btf())
  end)

  it("has the types of the kernel", needs("btf", function()
    local list = vmlinux:type_by_id(vmlinux:find_by_name_kind("list_head", "struct"))
    assert.equal(16, list.size)
    assert.equal("prev", list.members[2].name)
    assert.equal(64, list.members[2].offset)
    assert.equal("func", vmlinux:type_by_id(vmlinux:find_by_name_kind("do_exit", "func")).kind)
    assert.equal(8, vmlinux:pointer_size())
    assert.equal("lbpf.btf: vmlinux", tostring(vmlinux))
  end))

  it("is found for attach types by their own names", needs("btf", function()
    assert.equal(vmlinux:find_by_name_kind("do_exit", "func"),
      lbpf.find_vmlinux_btf_id("do_exit", "trace_fentry"))
    assert.equal(vmlinux:find_by_name_kind("btf_trace_sched_switch", "typedef"),
      lbpf.find_vmlinux_btf_id("sched_switch", "trace_raw_tp"))
    local id, message, errno, log = lbpf.find_vmlinux_btf_id("no_such_function", "trace_fentry")
    assert.is_nil(id)
    assert.matches("^find BTF id of 'no_such_function': No such file", message)
    assert.equal(2, errno)
    assert.matches("not found in vmlinux BTF", log)
  end))

  it("is the base of a module's", needs("btf", function()
    local none, message, errno = lbpf.btf_load_module_btf("no_such_module", vmlinux)
    assert.is_nil(none)
    assert.matches("^load BTF of module 'no_such_module': No such file or directory", message)
    assert.equal(2, errno)
    for _, name in ipairs({"../vmlinux", "", "a/b"}) do
      assert.error_matches(function()
        lbpf.btf_load_module_btf(name, vmlinux)
      end, "expected the name of a module")
    end
    local pipe = io.popen("ls /sys/kernel/btf")
    for name in pipe:lines() do
      if name ~= "vmlinux" then
        local module = assert(lbpf.btf_load_module_btf(name, vmlinux))
        assert.equal(vmlinux, module:base_btf())
        assert.is_true(module:type_cnt() >= vmlinux:type_cnt())
      end
    end
    pipe:close()
  end))

  it("can all be written in C", needs("btf", function()
    local size, left_out = 0, 0
    assert(vmlinux:dump_c(function(text)
      assert.is_true(#text < 8 * 2^20)
      size = size + #text
      left_out = left_out + select(2, text:gsub("is left out", ""))
    end))
    assert.is_true(size > 2^20)
    assert.equal(0, left_out)
  end))

  it("written in C compiles for BPF, and what comes of it loads", needs({"root", "clang", "btf"},
    function()
      local dir = (run("mktemp -d"):gsub("\n", ""))
      local lua = os.getenv("LBPF_LUA") or "lua5.4"
      local output, status = run(lua .. " examples/vmlinux/vmlinux.lua >" .. dir .. "/vmlinux.h")
      assert.same({"", "0"}, {output, status})
      local f = assert(io.open(dir .. "/current.bpf.c", "w"))
      f:write([[
        #include "vmlinux.h"
        #include <bpf/bpf_helpers.h>
        #include <bpf/bpf_core_read.h>
        char LICENSE[] SEC("license") = "Dual BSD/GPL";
        SEC("raw_tp/sched_switch") int current(void *ctx)
        {
          return BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader, tgid);
        }]])
      f:close()
      output, status = run(("cd %s && clang --target=bpf -O2 -g -Wall -Werror -I. -c current.bpf.c")
        :format(dir))
      assert.same({"", "0"}, {output, status})
      local obj = assert(lbpf.open(dir .. "/current.bpf.o"))
      assert.equal(obj, obj:load())
      obj:close()
      run("rm -r " .. dir)
    end))
end)

describe("BTF in the kernel", function()
  it("has a descriptor, which can be given to other BTF", needs({"root", "btf"}, function()
    local types = assert(lbpf.btf_new_empty())
    types:add_int("int", 4)
    assert(types:load_into_kernel())
    local other = assert(lbpf.btf_new_empty())
    assert.equal(other, other:set_fd(types:fd()))
    assert.is_true(other:fd() >= 0 and other:fd() ~= types:fd())
    local fd = types:fd()
    types:close()
    assert.is_truthy(lbpf.btf_get_info_by_fd(other:fd()).id)
    assert.is_nil(lbpf.btf_get_info_by_fd(fd))
    assert.equal(other, other:set_fd(nil))
    assert.is_nil(other:fd())
  end))

  it("is read back by its id", needs({"root", "btf"}, function()
    local obj = assert(lbpf.open("build/bpf/btf.bpf.o"))
    assert.is_nil(obj:btf():fd())
    assert(obj:load())
    local fd = obj:btf_fd()
    assert.is_true(fd >= 0)
    assert.equal(fd, obj:btf():fd())
    local f = assert(io.open("/proc/self/fdinfo/" .. fd))
    local id = tonumber(f:read("*a"):match("btf_id:%s*(%d+)"))
    f:close()
    local back = assert(lbpf.btf_load_from_kernel_by_id(id))
    assert.equal(obj:btf():type_cnt(), back:type_cnt())
    assert.equal(80, back:resolve_size(back:find_by_name_kind("all", "struct")))
    -- and with a base, which shifts its ids
    local b = btf.new()
    b:int("mine", 4)
    local base = assert(lbpf.btf_new(b:bytes()))
    local split = lbpf.btf_load_from_kernel_by_id(id, base)
    if split then -- ids that are right alone can be wrong there
      assert.equal(base, split:base_btf())
    end
    obj:close()
    back:close()
    local none, message, errno = lbpf.btf_load_from_kernel_by_id(2^31 - 1)
    assert.is_nil(none)
    assert.equal("load BTF with id '2147483647': No such file or directory (ENOENT)", message)
    assert.equal(2, errno)
  end))

  it("is put there by a script", needs("root", function()
    local b = btf.new()
    local int = b:int("int", 4, 1)
    b:struct("pair", 8, {{"a", int, 0}, {"b", int, 32}})
    local types = assert(lbpf.btf_new(b:bytes()))
    assert.equal(types, types:load_into_kernel())
    local path = "/proc/self/fd/" .. types:fd()
    assert.is_true(exists("/proc/self/fdinfo/" .. types:fd()))
    local nothing, message, errno = types:load_into_kernel()
    assert.is_nil(nothing)
    assert.matches("File exists %(EEXIST%)", message)
    assert.equal(17, errno)
    types:close()
    assert.is_false(exists(path))
  end))

  it("is refused with the kernel's reason", needs("root", function()
    local b = btf.new()
    b:struct("bad name", 4, {})
    local types = assert(lbpf.btf_new(b:bytes()))
    local nothing, message, errno, log = types:load_into_kernel()
    assert.is_nil(nothing)
    assert.matches("^load BTF 'memory' into the kernel: Invalid argument %(EINVAL%)", message)
    assert.equal(22, errno)
    assert.matches("Invalid name", log)
    assert.is_nil(types:fd())
  end))
end)
