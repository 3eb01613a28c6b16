-- Programs in Lua that call functions of the kernel, and that probe its modules.
local compiled = require "compiled"
local lbpf = require "lbpf"
local needs = require "needs"

-- Loads a program and gives its object to F.
local function loaded(section, text, f)
  local bytes, plan = lbpf.compile({{section, text}})
  assert(bytes, plan)
  local object = assert(lbpf.open_mem(bytes))
  local ok, message, _, log = object:load()
  local passed, failure = pcall(function()
    assert(ok, tostring(message) .. "\n" .. tostring(log))
    f(object, plan)
  end)
  object:close()
  assert(passed, failure)
end

describe("a program that calls the kernel's functions", function()
  it("passes strings and gets numbers", needs({"root", "kfunc bpf_strlen"}, function()
    loaded("raw_tp", [[
      out[1] = bpf_strlen("four")
      out[2] = bpf_strcmp("abc", "abd")
      out[3] = bpf_strcmp(comm, comm)
      out[4] = bpf_strlen(comm .. "123") - bpf_strlen(comm) ]], function(object)
      assert(lbpf.prog_test_run(object.progs.probe_1, {}))
      assert.same({4, -1, 0, 3}, compiled.out(object))
    end)
  end))

  it("reads the structures that they return", needs({"root", "kfunc bpf_task_from_pid"}, function()
    loaded("tp_btf/sched_switch", [[
      local p = bpf_task_from_pid(pid)
      if p then
        out[p.pid] = p.tgid
        bpf_task_release(p)
      end ]], function(object)
      assert(object:attach())
      os.execute "sleep 0.1"
      local n = 0
      for id, leader in pairs(compiled.out(object)) do
        n = n + 1
        assert.equal(id, leader)
      end
      assert.is_true(n > 0)
    end)
  end))

  it("may call one several times, in several programs", needs({"root", "kfunc bpf_strlen"},
    function()
      local bytes = assert(lbpf.compile {
        {"raw_tp", [[ out[1] = bpf_strlen("a") + bpf_strlen("bc") ]]},
        {"raw_tp", [[ out[2] = bpf_strlen("def") ]]},
      })
      local object = assert(lbpf.open_mem(bytes))
      assert(object:load())
      assert(lbpf.prog_test_run(object.progs.probe_1, {}))
      assert(lbpf.prog_test_run(object.progs.probe_2, {}))
      assert.same({3, 3}, compiled.out(object))
      object:close()
    end))

  it("is told by the verifier what it may not call, and where", needs({"root",
    "kfunc bpf_task_release"}, function()
    local object = assert(lbpf.open_mem((assert(lbpf.compile {
      {"raw_tp", "local n = 5\nout[1] = schedule_timeout(n)"}}))))
    local ok, _, _, log = object:load()
    assert.is_nil(ok)
    assert.matches("out%[1%] = schedule_timeout%(n%)", log)
    object:close()
  end))

  it("must pass what they take", needs({"root", "kfunc bpf_task_release"}, function()
    assert.matches("^raw_tp:1:%d+: 'bpf_task_release' takes a pointer that the verifier knows",
      compiled.message("raw_tp", "bpf_task_release(5)"))
    assert.matches("'bpf_task_release' takes 1 argument, and gets 0: bpf_task_release%(p%)",
      compiled.message("raw_tp", "bpf_task_release()"))
    assert.matches("there is no function 'bpf_task_relaese'",
      compiled.message("raw_tp", "bpf_task_relaese(5)"))
  end))
end)

describe("a program that probes a module", function()
  -- A function of a module that the kernel itself does not have, with a structure as argument.
  local function function_of_a_module()
    local base = assert(lbpf.btf_load_vmlinux_btf())
    for info in lbpf.btfs() do
      local btf = info.kernel_btf and info.name ~= "vmlinux"
        and lbpf.btf_load_module_btf(info.name, base)
      for id = btf and base:type_cnt() or 1, btf and btf:type_cnt() - 1 or 0 do
        local t = btf:type_by_id(id)
        local param = t.kind == "func" and btf:type_by_id(t.type).params[1]
        local to = param and param.name and btf:type_by_id(param.type)
        local struct = to and to.kind == "ptr" and to.type ~= 0 and btf:type_by_id(to.type)
        if struct and struct.kind == "struct" and not base:find_by_name_kind(t.name, "func") then
          for _, m in ipairs(struct.members) do
            local of = m.name and not m.bitfield_size and btf:type_by_id(m.type)
            if of and of.kind == "int" and of.size <= 8 then
              return t.name, param.name, m.name
            end
          end
        end
      end
    end
  end

  it("has the module's types", needs({"root", "module_btf", "trampolines"}, function()
    local name, argument, member = function_of_a_module()
    assert(name, "no module has such a function")
    local text = ("out[1] = args.%s.%s"):format(argument, member)
    loaded("fentry/" .. name, text, function() end)
    require("lbpf.compiler.kernel").forget() -- the modules' types are on top of the kernel's
    loaded("kprobe/" .. name, text, function() end)
  end))
end)
