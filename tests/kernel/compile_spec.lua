-- Programs in Lua, compiled, loaded and run: the language, its errors, the plan.
local child = require "child"
local compiled = require "compiled"
local disassemble = require "lbpf.trace.disassemble"
local lbpf = require "lbpf"
local needs = require "needs"

local unpack = table.unpack or unpack -- luacheck: ignore 113 143

-- Compiles one raw tracepoint program, runs it once, and returns what the map `out` has, and the
-- problems that occurred.
local function run(text, opts)
  local bytes, plan = lbpf.compile({{"raw_tp", text}}, opts)
  assert(bytes, plan)
  local object = assert(lbpf.open_mem(bytes))
  compiled.load(object)
  assert(lbpf.prog_test_run(object.progs.probe_1, {}))
  local out = {}
  for _, map in ipairs(plan.maps) do
    if map.name == "out" then
      out = compiled.out(object)
    end
  end
  local problems = compiled.problems(object, plan)
  object:close()
  return out, problems
end

describe("a compiled program", function()
  it("reports what its arguments say", needs({"root", "btf"}, function()
    local bytes, plan = assert(lbpf.compile {
      ["tp/syscalls/sys_enter_openat"] = [[
        if comm == "cat" then
          emit("opened", {pid = pid, name = str(args.filename), parent = curtask.real_parent.comm})
        end ]],
    })
    local object = assert(lbpf.open_mem(bytes))
    assert(object:load())
    assert(object:attach())
    os.execute "cat /dev/null"
    local event = plan.events[1]
    assert.equal("opened", event.name)
    assert.same({"pid", "name", "parent"}, event.fields)
    local names = {}
    local ring = assert(lbpf.ring_buffer(object.maps[plan.ring], function(_, name)
      names[name] = true
    end, {type = event.type, fields = {"pid", "name"}}))
    assert(ring:consume())
    assert.is_true(names["/dev/null"])
    object:close()
  end))

  it("measures with two probes, as the README's first", needs({"root", "btf"}, function()
    local bytes, plan = assert(lbpf.compile {
      {"raw_tp/sched_wakeup", [[ woken[args.p.pid] = nsecs ]]},
      {"raw_tp/sched_switch", [[
        local since = woken[args.next.pid]
        if since then
          hist("us", (nsecs - since) // 1000)
          woken[args.next.pid] = nil
        end ]]},
    })
    local object = assert(lbpf.open_mem(bytes))
    assert(object:load())
    assert(object:attach())
    os.execute "sleep 0.1"
    local count = 0
    for key, values in object.maps.us:pairs() do
      assert.is_true(tonumber(key.bucket) >= 0)
      for _, value in ipairs(values) do
        count = count + tonumber(value.count)
      end
    end
    assert.is_true(count > 0)
    assert.same({"hash", "hist"}, {plan.maps[1].kind, plan.maps[2].kind})
    object:close()
  end))

  it("is a function of the script, with its upvalues", needs({"root", "btf"}, function()
    local limit, label, config = 41, "abc", {step = 2}
    local function double(n)
      return n * config.step
    end
    local function body()
      if label == "abc" then
        out[1] = double(limit) -- luacheck: ignore 112
      end
    end
    assert.equal(82, run(body)[1])
  end))

  it("orders strings by their bytes", needs({"root", "btf"}, function()
    local words = {"", "a", "aa", "ab", "b", "longer than eight", "longer than eighu", "seven77",
      "eight888", "eight8888", "\127", "\128", "\255\128", "\255"}
    for i = 1, #words, 2 do
      local x, y = words[i], words[i + 1]
      local out, problems = run(([[
        local x, y = %q, %q
        local s = x .. y
        out[1] = x < y and 1 or 0
        out[2] = x <= y and 1 or 0
        out[3] = x > y and 1 or 0
        out[4] = x >= y and 1 or 0
        out[5] = not (x < x) and 1 or 0
        out[6] = x <= x and 1 or 0
        out[7] = s > x and 1 or 0
        if not (y > s) then out[8] = 1 else out[8] = 0 end]]):format(x, y))
      local s = x .. y
      local wanted = {x < y, x <= y, x > y, x >= y, true, true, s > x, y <= s}
      for n, result in ipairs(wanted) do
        wanted[n] = result and 1 or 0
      end
      assert.same({wanted, {}}, {out, problems})
    end
    local out, problems = run [[ m["x"] = "y" local s = m["z"] out[1] = s < "a" and 1 or 0 ]]
    assert.same({}, out)
    assert.same({"raw_tp:1:41: attempt to compare nil"}, problems)
    assert.matches("a number is needed here, not a string",
      compiled.message("raw_tp", "out[1] = 1 < comm and 1 or 0"))
  end))

  it("stops where Lua would raise an error, and says where", needs({"root", "btf"}, function()
    local out, problems = run [[
      local zero = m[1] or 0
      out[1] = 1
      out[2] = 7 // zero
      out[3] = 3 ]]
    assert.same({1}, out)
    assert.same({"raw_tp:3:18: attempt to perform 'n//0'"}, problems)
    out, problems = run [[ m[5] = 1 out[1] = m[2] + 1 ]]
    assert.same({}, out)
    assert.same({"raw_tp:1:20: 'm[...]': this is nil, and a value is needed"}, problems)
  end))

  it("counts what did not fit into a map", needs({"root", "btf"}, function()
    local out, problems = run("for i = 1, 20 do out[i] = i end", {max_entries = 10})
    local n = 0
    for _ in pairs(out) do
      n = n + 1
    end
    assert.equal(10, n)
    assert.same({"raw_tp:1:18: 'out' is full: an entry is missing"}, problems)
  end))

  it("makes maps of the types that the options name", needs({"root", "btf"}, function()
    local function types_of(maps)
      local bytes, message = lbpf.compile({{"raw_tp", [[ m[pid] = 1 count("n", pid) ]]}},
        {maps = maps})
      if not bytes then
        return message
      end
      local object = assert(lbpf.open_mem(bytes))
      assert(object:load())
      local list = {}
      for _, name in ipairs {"m", "n"} do
        local map = object.maps[name]
        list[#list + 1] = ("%s %d %d"):format(map:type(), map:map_flags(), map:max_entries())
      end
      object:close()
      return table.concat(list, ", ")
    end
    assert.equal("hash 0 4096, percpu_hash 0 4096", types_of(nil))
    assert.equal("hash 1 7, percpu_hash 1 4096",
      types_of {m = {prealloc = false, max_entries = 7}, n = {prealloc = false}})
    assert.equal("lru_hash 0 4096, lru_percpu_hash 0 8",
      types_of {m = {type = "lru_hash"}, n = {type = "lru_percpu_hash", max_entries = 8}})
    assert.equal("option 'maps.n.type' must be percpu_hash or lru_percpu_hash, not 'hash'",
      types_of {n = {type = "hash"}})
    assert.equal("option 'maps.m.prealloc': a map of type lru_hash has its memory beforehand",
      types_of {m = {type = "lru_hash", prealloc = false}})
    for message, maps in pairs {
      ["unknown option 'maps.m.max_entires'"] = {m = {max_entires = 5}},
      ["option 'maps.m.max_entries' must be a number, not string"] = {m = {max_entries = "5"}},
      ["option 'maps.m' must be a table, not number"] = {m = 5},
    } do
      assert.matches("^tests/kernel/compile_spec.lua:%d+: " .. message .. "$",
        select(2, pcall(types_of, maps)))
    end
  end))

  it("has loops of every length that end", needs({"root", "btf"}, function()
    local cases = {
      ["local s = 0 for i = 1, 100000 do s = s + i end out[1] = s"] = 5000050000,
      ["local n, s = 1000, 0 while n > 0 do n = n - 1 s = s + n end out[1] = s"] = 499500,
      ["local s = 0 for i = 1, 30 do for j = i, 1, -1 do s = s + j end end out[1] = s"] = 4960,
    }
    for text, sum in pairs(cases) do
      assert.equal(sum, run(text)[1])
    end
    local _, problems = run "local n = 0 while true do n = n + 1 end"
    assert.equal(1, #problems)
  end))

  it("has loops without may_goto", needs({"root", "btf"}, function()
    local out, problems = run("local s, n = 0, m[1] or 100 while s < n do s = s + 1 end out[1] = s",
      {loops = "bounded"})
    assert.equal(100, out[1])
    assert.same({}, problems)
    local _, stopped = run("local n = 0 while true do n = n + 1 end", {loops = "bounded",
      rounds = 50})
    assert.same({"raw_tp:1:13: this loop ends after 50 rounds"}, stopped)
  end))

  it("drops packets by what is in them", needs({"root", "btf"}, function()
    local bytes = assert(lbpf.compile {xdp = [[
      local ip = packet("struct iphdr", 14)
      if not ip then return XDP_PASS end
      if ip.ihl == 5 and ntohs(ip.tot_len) > 100 and ip.protocol == 17 then
        count("dropped", ntop(ip.saddr))
        return XDP_DROP
      end ]]})
    local object = assert(lbpf.open_mem(bytes))
    assert(object:load())
    local function verdict(length, protocol)
      local packet = ("\0"):rep(14) .. "\69\0" .. string.char(math.floor(length / 256),
        length % 256)
        .. ("\0"):rep(5) .. string.char(protocol) .. ("\0"):rep(10 + length - 20)
      return assert(lbpf.prog_test_run(object.progs.probe_1, {data_in = packet})).retval
    end
    assert.same({1, 2, 2}, {verdict(200, 17), verdict(200, 6), verdict(60, 17)})
    object:close()
  end))

  it("names the script's lines where the verifier refuses it", needs({"root", "btf"}, function()
    local object = assert(lbpf.open_mem((assert(lbpf.compile {["raw_tp/sys_enter"] = [[
      local x = 1
      bpf_map_delete_elem(x, x) ]]}))))
    local loaded, _, _, log = object:load()
    assert.is_nil(loaded)
    assert.matches("; bpf_map_delete_elem%(x, x%)", log)
    object:close()
  end))

  it("has the script's lines in bpftool's dump", needs({"root", "btf", "bpftool"}, function()
    local path, pin = os.tmpname(), "/sys/fs/bpf/lbpf_compile_spec"
    local file = assert(io.open(path, "wb"))
    file:write((assert(lbpf.compile {{"raw_tp", "local n = (m[1] or 0) + 5\nm[1] = n"}})))
    file:close()
    local text, status = child.output(("unset LD_PRELOAD; bpftool prog load %s %s")
      :format(path, pin))
    assert.same({"", 0}, {text, status})
    text = child.output("unset LD_PRELOAD; bpftool prog dump xlated pinned " .. pin .. " linum")
    os.remove(pin)
    os.remove(path)
    assert.matches("; local n = %(m%[1%] or 0%) %+ 5 %[file:raw_tp line_num:1 line_col:1%]", text)
    assert.matches("; m%[1%] = n %[file:raw_tp line_num:2 line_col:1%]", text)
  end))

  it("is the same each time", needs("btf", function()
    local text = "out[1] = 0x123456789abcdef0 if out[2] then count(comm) end print(pid, comm)"
    local bytes = assert(lbpf.compile {["raw_tp/sys_enter"] = text})
    assert.equal("\127ELF", bytes:sub(1, 4))
    for _ = 1, 5 do
      assert.equal(bytes, (lbpf.compile {["raw_tp/sys_enter"] = text}))
    end
  end))
end)

describe("a compile error", function()
  it("says where and what instead", needs("btf", function()
    local cases = {
      {"raw_tp", "x = foo", "raw_tp:1:5: nothing is called 'foo'"},
      {"raw_tp", "local p = pidd", "raw_tp:1:11: nothing is called 'pidd'; did you mean pid"},
      {"raw_tp", "print(pid())", "raw_tp:1:7: 'pid' is no function; write it without ()"},
      {"raw_tp", "cout()", "raw_tp:1:1: there is no function 'cout'; did you mean count"},
      {"raw_tp", "if pid == 'a' then end", "raw_tp:1:8: a number cannot be compared with a string"},
      {"raw_tp", "x = 1 // 0", "raw_tp:1:7: division by zero"},
      {"raw_tp", "m[1] = 1 m[comm] = 2",
        "raw_tp:1:12: key 1 of 'm' is a number elsewhere, and a string here"},
      {"raw_tp", "local function f(n) return f(n) end f(1)",
        "raw_tp:1:28: 'f' calls itself, which a BPF program cannot; use a loop"},
      {"nonsense/x", "", "no kind of probe is called 'nonsense/x'"},
      {"tp_btf/sched_switch", "print(args.prevv)",
        "tp_btf/sched_switch:1:12: tp_btf/sched_switch has no argument 'prevv'; did you"},
      {"tp_btf/sched_switch", "print(args.prev.comn)",
        "tp_btf/sched_switch:1:17: struct task_struct has no field 'comn'; did you mean comm?"},
      {"tp_btf/sched_switch", "print(path(args.prev))",
        "tp_btf/sched_switch:1:17: path() takes a struct path that the verifier knows"},
    }
    for _, case in ipairs(cases) do
      local message = compiled.message(case[1], case[2])
      assert.equal(case[3], message:sub(1, #case[3]))
    end
  end))

  it("is raised for what is not a program", needs("btf", function()
    for _, args in ipairs {{1}, {{raw_tp = 1}}, {{"x"}}, {{}, {what = 1}}, {{}, {ring = "x"}}} do
      assert.has_error(function() lbpf.compile(unpack(args)) end)
    end
  end))

  it("joins strings, and knows their lengths", needs({"root", "btf"}, function()
    local out, problems = run [[
      m["x"] = "abc"
      local s = m["x"] or ""
      out["joined"] = #(s .. "/" .. s)
      out["equal"] = s .. "d" == "abcd" and 1 or 0
      out["different"] = s .. "d" == "abce" and 1 or 0
      out["empty"] = #("" .. "")
      out["comm"] = #comm
      m2[s .. "!"] = 7
      out["key"] = m2["abc!"] or 0
      local absent = m["y"]
      out["absent"] = #absent ]]
    assert.same({joined = 7, equal = 1, different = 0, empty = 0, comm = out.comm, key = 7}, out)
    assert.is_true(out.comm > 0)
    assert.equal(1, #problems)
    assert.matches("attempt to get the length of nil", problems[1])
  end))

  it("may assign to a map what only it has", needs({"root", "btf"}, function()
    local out = run [[ m[3] = m[4] n = n q[1] = r[1] r[1] = q[1]
      out[1] = m[3] == nil and 1 or 0
      out[2] = n == nil and 1 or 0
      t["a"] = 1 s = s
      if s then out[3] = t[s] end
      out[4] = 5 ]]
    assert.same({1, 1, nil, 5}, out)
  end))

  it("may ask again whether a value is nil", needs({"root", "btf"}, function()
    local out = run [[
      m[1] = 2
      local x = m[1]
      if x then
        out["again"] = x ~= nil and 1 or 0
        if x == nil then out["never"] = 1 end
      end ]]
    assert.same({again = 1}, out)
  end))

  it("refuses strings without a bound", needs("btf", function()
    assert.matches("this string grows", compiled.message("raw_tp",
      [[ local s = "x" for i = 1, 9 do s = s .. "y" end print(s) ]]))
    assert.matches("a joined string has at most 511", compiled.message("raw_tp",
      [[ local s = str(0, 400) print(s .. s) ]]))
    assert.matches("a string is needed here, not a number; print several values",
      compiled.message("raw_tp", [[ print("a" .. 1) ]]))
  end))

  it("has arguments where the architecture has them", needs("btf", function()
    -- offsets in struct pt_regs: of the third argument, of the result, and of the register that
    -- points to a system call's registers
    local offsets = {x86_64 = {arg2 = 96, retval = 80, inner = 112},
      arm64 = {arg2 = 16, retval = 0, inner = 0}}
    for arch, at in pairs(offsets) do
      for section, case in pairs({
        ["kprobe/no_such_function"] = {"out[1] = args.arg2", at.arg2},
        ["uprobe//bin/sh:main"] = {"out[1] = args.arg2", at.arg2},
        ["kretprobe/no_such_function"] = {"out[1] = retval", at.retval},
        ["ksyscall/no_such_call"] = {"out[1] = args.arg2", at.inner},
      }) do
        local bytes = assert(lbpf.compile({{section, case[1]}}, {arch = arch}))
        local object = assert(lbpf.open_mem(bytes))
        local text = table.concat(disassemble(object.progs.probe_1:insns()), "\n")
        local load = ("*(u64 *)(r1 + %d)"):format(case[2])
        assert(text:find(load, 1, true), ("%s, %s: no %s in\n%s"):format(arch, section, load, text))
        object:close()
      end
    end
    local bytes, message = lbpf.compile({{"kprobe/vfs_read", ""}}, {arch = "s390x"})
    assert.is_nil(bytes)
    assert.matches("the registers of s390x are not known; x86_64 and arm64 are", message)
  end))
end)
