-- Generated programs leave in maps what Lua 5.4 does. tests/equal/run compares as many as are
-- wanted.
local machine = require "lbpf.compiler.machine"
local needs = require "needs"

package.path = "tests/equal/?.lua;" .. package.path
local compare = require "compare"
local generate = require "generate"

local has_integers = math.type and _VERSION >= "Lua 5.4" -- luacheck: ignore 143

describe("compiled programs and Lua 5.4's", function()
  it("end their loops as this kernel can", needs({"root", "may_goto", "btf"}, function()
    assert.equal("may_goto", machine.loops())
  end))

  it("... or by bpf_loop", needs({"root", "bpf_loop", "btf"}, function()
    assert.is_true(machine.has_bpf_loop())
    assert.not_equal("bounded", machine.loops())
  end))

  for _, kind in ipairs {"may_goto", "bpf_loop"} do
    -- the verifier follows 8192 branches, which loops that it walks soon have
    it("do the same with loops by " .. kind, needs({"root", kind, "btf"}, function()
      for seed = 1, has_integers and 40 or 0 do
        local text = generate.program(seed, 4, seed > 20)
        local differs = compare.program(text, {"out", "m", "two"}, {max_entries = 65536,
          loops = kind})
        assert(not differs, ("seed %d: %s\n%s"):format(seed, tostring(differs), text))
      end
    end))

    -- the verifier must not follow each way through the conditions of a loop apart
    it("load with many conditions in a loop by " .. kind, needs({"root", kind, "btf"}, function()
      if has_integers then
        assert.is_nil((compare.program(generate.program(1074, 4), {"out", "m", "two"},
          {loops = kind})))
      end
    end))
  end

  it("evaluate in the same order", needs({"root", "btf"}, function()
    local text = [[
      m[1] = 1
      two[{1, "a"}] = 1
      local function set(n)
        m[7] = n
        return n
      end
      local a, b = 1, 2
      a, a = 10, 20
      out[1] = a
      a, b = b, a
      out[2] = a out[3] = b
      m[1], m[1] = 5, 6
      local i = 1
      i, m[i] = i + 1, 20
      m[set(3)] = set(4)
      out[4] = set(5) + (m[7] or 0) ]]
    if has_integers then
      assert.is_nil((compare.program(text, {"out", "m", "two"})))
    end
  end))

  it("do the same with loops that the verifier walks", needs({"root", "btf"}, function()
    for seed = 1, has_integers and 10 or 0 do
      local text = generate.program(seed, 2)
      local differs = compare.program(text, {"out", "m", "two"}, {loops = "bounded"})
      assert(not differs, ("seed %d: %s\n%s"):format(seed, tostring(differs), text))
    end
  end))
end)
