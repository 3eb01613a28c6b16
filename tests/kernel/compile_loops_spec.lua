-- Loops of compiled programs, ended by each means that the kernel may have.
local compiled = require "compiled"
local lbpf = require "lbpf"
local needs = require "needs"

package.path = "tests/equal/?.lua;" .. package.path
local compare = require "compare"

local has_integers = math.type and _VERSION >= "Lua 5.4" -- luacheck: ignore 143

-- What a verifier would get wrong that checks one round and takes what it knew of it for all, and
-- what leaves a loop.
local programs = {
  ["a value that only the first round has"] = [[
    out[1] = 1
    local v = out[1]
    if v == 1 then
      while v < 1000 do v = v + 1 end
    end
    out[2] = v ]],
  ["numbers that are one of two"] = [[
    m[1] = 5
    local n, large, count = 10, 0, 0
    if (m[7] or 0) == 0 then n = 20 end
    if (m[1] or 0) > 100 then large = 1 end
    for i = 1, 100 do
      for j = 1, 50 do
        if n == 10 then count = count + 1 elseif n == 20 then count = count + 1000 end
        if (large == 1) then count = count + 7 end
      end
    end
    out[1] = count ]],
  ["strings that change"] = [[
    local s, t = "aa", "bb"
    for i = 1, 50 do
      if s == "aa" then
        t = s
        s = "cc"
      elseif t == "aa" then
        t = "zz"
      end
    end
    if t == "zz" then out[1] = 2 else out[1] = 3 end
    out[2] = #s ]],
  ["a value that comes and goes"] = [[
    m[1] = 5
    local x, n = m[1], 0
    for i = 1, 100 do
      if x then n = n + x end
      if i % 7 == 3 then x = i elseif i % 7 == 5 then x = nil end
    end
    out[1] = n
    out[2] = x or -1 ]],
  ["a string that comes and goes"] = [[
    two[1] = "odd"
    local s, n = two[1], 0
    for i = 1, 100 do
      if s == "odd" then n = n + 1 elseif s == nil then n = n + 1000 end
      if i % 3 == 1 then s = "odd" elseif i % 3 == 2 then s = two[7] else s = "even" end
    end
    out[1] = n ]],
  ["a function that returns from a loop"] = [[
    local function root_of(n)
      for i = 1, 1000 do
        if i * i > n then return i - 1 end
      end
    end
    out[1] = root_of(50000) or -1
    out[2] = root_of(99999999) or -1 ]],
  ["break out of each of two"] = [[
    local n = 0
    for i = 1, 200 do
      for j = 1, 300 do
        if j > i then break end
        n = n + i * j
      end
      if n > 500000 then break end
    end
    out[1] = n ]],
  ["three in one another"] = [[
    local n = 0
    for i = 1, 60 do
      for j = 1, 70 do
        for k = 1, 20 do
          n = n + 1
          if n == 77777 then out[2] = i out[3] = j out[4] = k end
        end
      end
    end
    out[1] = n ]],
  ["the end of the program in an inner loop"] = [[
    for i = 1, 100 do
      for j = 1, 100 do
        if i * j == 2500 then
          out[1] = i
          return
        end
      end
    end
    out[2] = 1 ]],
  ["an error in an inner loop"] = [[
    out[1] = 1
    for i = 1, 100 do
      for j = 1, 100 do
        if i * j == 2500 then
          out[2] = i
          out[3] = 7 % (i * j - 2500)
        end
      end
    end ]],
  ["a variable of the body in the condition"] = [[
    local i = 0
    repeat
      local k = i * 2
      i = i + 1
    until k > 1000
    out[1] = i ]],
  ["steps, and the last number"] = [[
    local n = 0
    for i = 100, 1, -3 do n = n * 3 + i end
    out[1] = n
    out[2] = 0
    for i = math.maxinteger - 20, math.maxinteger do out[2] = (out[2] or 0) + 1 end ]],
  -- Of what each way leaves behind on the stack, the verifier made a state of its own: more than a
  -- million instructions.
  ["many ways through strings"] = [[
    local function f(p)
      local q = p
      two[{q >= p and p or q, ""}] = p + 0x7fffffff ~ q & 2843
      if p > (q == p and q or p) then
        if not (#"eight888" >> p % (p | 1) <= p) then
          local larger = not ("eight888" .. "b" >= "longer than eight" .. "eight888")
        end
      end
      return m[-14987] or (q ~= q and p or q)
    end
    m[1] = 8
    i = 2
    repeat
      i = i + 2
      if (255 >> 4) % (28080 | 1) >= 2 then m[3] = f(11701 - 14994) end
      if (not (-14996 == 11621) or 26 > (m[-14910] or 255)) and (23 > 0xffffffffffffffff
        and 0x8000000000000000 < 1000003 and (0x80000000 == 1000003 and 0x80000000 or 11)
          or -14992) >= f(-14963) then
        out[7] = #"eight888"
      end
    until i >= 17
    out[1] = i ]],
  ["many that follow each other"] = ([[
    local n = 0
    for i = 1, 40 do n = n * 3 + i end
    out[1] = n
    ]]):rep(20),
}

-- What a program leaves in `out`, what it returns, and what it could not do.
local function run(section, text, opts)
  local bytes, plan = lbpf.compile({{section, text}}, opts)
  local object = assert(lbpf.open_mem((assert(bytes, plan))))
  compiled.load(object)
  local result = assert(lbpf.prog_test_run(object.progs.probe_1,
    section == "xdp" and {data_in = ("\0"):rep(64)} or {}))
  local out = plan.maps[1] and compiled.out(object) or {}
  local found = compiled.problems(object, plan)
  object:close()
  return out, result.retval, found
end

for _, kind in ipairs {"may_goto", "bpf_loop"} do
  local what = {"root", "btf", kind}

  describe("loops by " .. kind, function()
    for name, text in pairs(programs) do
      it("have " .. name, needs(what, function()
        if has_integers then
          assert.is_nil((compare.program(text, {"out", "m", "two"}, {loops = kind})))
        end
      end))
    end

    it("return the program's value", needs(what, function()
      local _, value = run("xdp", [[
        for i = 1, 1000 do
          for j = 1, 1000 do
            if i * j == 400 then return i + j end
          end
        end
        return 0 ]], {loops = kind})
      assert.equal(401, value)
    end))

    it("discard an event that is being filled", needs(what, function()
      local out, _, problems = run("raw_tp", [[
        local function f(n)
          local sum = 0
          for i = 1, 100 do
            for j = 1, 100 do sum = sum + 10 // (n - i * j) end
          end
          return sum
        end
        out[1] = 1
        print(f(2500), comm)
        out[1] = 2 ]], {loops = kind})
      assert.same({1}, out)
      assert.same({"raw_tp:4:46: attempt to perform 'n//0'"}, problems)
    end))

    it("end after 8 million rounds", needs(what, function()
      local out, _, problems = run("raw_tp", [[
        local n = 0
        out[1] = 1
        while true do
          n = n + 1
          if n == 5000000 then out[1] = n end
        end ]], {loops = kind})
      assert.same({5000000}, out)
      assert.same({"raw_tp:3:9: this loop has gone on for too long"}, problems)
    end))

    it("reach the kernel's memory", needs(what, function()
      local out = run("raw_tp", [[
        local task, n = cast("struct task_struct", addr(curtask)), 0
        while task.pid > 1 and n < 100 do
          task = cast("struct task_struct", addr(task.real_parent))
          n = n + 1
        end
        out[1] = task.pid
        local known = 0
        for i = 1, 100 do known = known + (curtask.pid == tid and 1 or 0) end
        out[2] = known ]], {loops = kind})
      assert.is_true(out[1] <= 1)
      assert.equal(100, out[2])
    end))

    it("go along pointers that the verifier knows", needs({"root", "btf", "task_btf", kind},
      function()
        local out = run("raw_tp", [[
          local task, n = curtask, 0
          while task.pid > 1 and n < 20 do
            task = task.real_parent
            n = n + 1
          end
          out[1] = task.pid ]], {loops = kind, rounds = 30})
        assert.is_true(out[1] <= 1)
      end))
  end)
end

describe("loops in too many others", function()
  it("are refused", needs("btf", function()
    local text = ""
    for i = 1, 8 do
      text = text .. ("for i%d = 1, n do n = n + 1 "):format(i)
    end
    local bytes, message = lbpf.compile({{"raw_tp", "local n = m[1] or 5 " .. text
      .. ("end "):rep(8)}}, {loops = "bpf_loop"})
    assert.is_nil(bytes)
    assert.matches("8 loops are in one another, and 7 can be", message, 1, true)
  end))
end)
