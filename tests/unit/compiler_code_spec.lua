-- The compiler's last phases, alone: jumps, registers, bytes.
local assembler = require "lbpf.compiler.assembler"
local code = require "lbpf.compiler.code"
local flow = require "lbpf.compiler.flow"
local registers = require "lbpf.compiler.registers"
local tails = require "lbpf.compiler.tails"

local function names_of(list)
  local out = {}
  for i, ins in ipairs(list) do
    out[i] = ins.op
  end
  return table.concat(out, " ")
end

describe("the flow of code", function()
  it("loses what is never reached, and jumps to jumps", function()
    local c = code.new()
    local first, second, done = c:label(), c:label(), c:label()
    local r = c:mov(c:reg(), 1)
    c:branch("==", r, {imm = 0}, first)
    c:jump(second)
    c:exit({imm = 1})
    c:place(first)
    c:jump(done)
    c:place(second)
    c:exit({imm = 2})
    c:place(done)
    c:exit({imm = 3})
    assert.equal("alu branch alu exit label alu exit", names_of(flow.clean(c:finish())))
  end)

  it("asks no question twice", function()
    local c = code.new()
    local no, yes = c:label(), c:label()
    local r = c:mov(c:reg(), 1)
    c:branch("==", r, {imm = 0}, no)
    c:branch("==", r, {imm = 0}, no)
    c:branch("~=", r, {imm = 0}, yes)
    c:exit({imm = 1})
    c:place(yes)
    c:exit({imm = 2})
    c:place(no)
    c:exit({imm = 0})
    local text = names_of(flow.clean(c:finish()))
    assert.equal(1, select(2, text:gsub("branch", "")))
  end)

  it("asks again once a call has changed the machine's registers", function()
    local c = code.new()
    local no = c:label()
    for _ = 1, 2 do
      c:emit("call", {helper = 5, n = 0})
      c:branch("==", 0, {imm = 0}, no)
    end
    c:exit({imm = 1})
    c:place(no)
    c:exit({imm = 0})
    local text = names_of(flow.clean(c:finish()))
    assert.equal(2, select(2, text:gsub("branch", "")))
  end)

  it("drops results that nothing reads", function()
    local c = code.new()
    c:alu("+", c:mov(c:reg(), {imm = 1}), {imm = 2})
    c:exit({imm = 0})
    assert.equal("alu exit", names_of(flow.drop_unused(c:finish())))
  end)
end)

describe("registers", function()
  local function allocate(c)
    return registers.allocate(flow.drop_unused(flow.clean(c:finish())), c)
  end

  it("need no copies where one value becomes the other", function()
    local c = code.new()
    local sum = c:alu("+", c:alu("*", c:mov(c:reg(), 1), {imm = 3}), {imm = 4})
    c:exit(sum)
    assert.equal("alu alu alu exit", names_of(allocate(c)))
  end)

  it("survive calls, on the stack if there are too many, each in a place of its own", function()
    local c = code.new()
    local slot = c:slot(8)
    c:store(slot, 0, 8, {imm = 7})
    local values = {}
    for i = 1, 12 do
      values[i] = c:call(5)
    end
    local sum = c:load(slot, 0, 8)
    for i = 1, 12 do
      c:change("+", sum, values[i])
    end
    c:exit(sum)
    c.top = 0
    local list = allocate(c)
    local kept = {}
    for _, ins in ipairs(list) do
      if ins.op == "store" and ins.s then
        assert.is_true(ins.b.offset < slot.offset)
        assert.is_nil(kept[ins.b.offset])
        kept[ins.b.offset] = true
      end
      for _, field in ipairs {"d", "s", "a", "b"} do
        assert.is_true(type(ins[field]) ~= "number" or ins[field] <= 10)
      end
    end
    assert.is_truthy(next(kept))
  end)
end)

describe("bytes", function()
  it("are the machine's", function()
    local c = code.new()
    c:mov(1, {imm = -2})
    c:load(10, -8, 4)
    c.list[2].d = 2
    c:exit({imm = 0})
    assert.equal(("b7010000feffffff61a2f8ff00000000b7000000000000009500000000000000"),
      (assembler.assemble(c:finish()).bytes:gsub(".", function(b)
        return ("%02x"):format(b:byte())
      end)))
  end)
end)

describe("ends of blocks", function()
  -- Two blocks that store a number at R and count it, with an exit of RESULT.
  local function blocks(results)
    local c = code.new()
    local other = c:label()
    c:branch("==", 1, {imm = 0}, other)
    for i, result in ipairs(results) do
      if i == 2 then
        c:place(other)
      end
      c:mov(6, {imm = i})
      c:mov(7, {imm = 5})
      c:change("+", 6, 7)
      c:exit({imm = result})
    end
    return names_of(tails.merge(c:finish(), c))
  end

  it("that are alike are there once", function()
    assert.equal("branch alu label alu alu alu exit label alu jump", blocks {0, 0})
  end)

  it("that differ stay", function()
    assert.equal("branch alu alu alu alu exit label alu alu alu alu exit", blocks {0, 1})
  end)

  it("are not merged with the blocks that they jump to", function()
    local c = code.new()
    local top = c:label()
    c:place(top)
    for _ = 1, 2 do
      c:change("+", 6, {imm = 1})
      c:change("+", 6, {imm = 1})
    end
    c:jump(top)
    assert.equal("label alu alu alu alu jump", names_of(tails.merge(c:finish(), c)))
  end)
end)
