-- Loops as functions of their own, which bpf_loop() calls for each round.
--
-- The generator writes a loop where it stands. Each instruction has `fn`, the function that it will
-- be in: {outer, top}, with the label that begins a round; the program's own has no `outer`. All of
-- them work on the program's frame, whose address bpf_loop() passes on: so slots stay where they
-- are. A register that a loop shares with what is around it has a slot for the time of the loop.
-- The function returns 0 for another round; else a slot says to which label outside it wants to go.
local code = require "lbpf.compiler.code"
local flow = require "lbpf.compiler.flow"

local outline = {}

local BPF_LOOP = 181
local MOST_ROUNDS = 8388608 -- BPF_MAX_LOOPS
local MACHINE = 10 -- registers up to this one are the machine's
local FRAME, CONTEXT = 10, 2
local BASE = 9 -- has the frame's address in a function of bpf_loop()

outline.COLORS = BASE -- registers that such a function has for itself

local function is_inside(fn, outer)
  while fn and fn ~= outer do
    fn = fn.outer
  end
  return fn ~= nil
end

-- What is shared ----------------------------------------------------------------------------------

-- Of each function: the registers that it and those inside it read or write, the labels outside
-- that they jump to, and the one to go to when all rounds are used. A list, outer ones first.
local function survey(list)
  local fns, fn_of = {}, {}
  for _, ins in ipairs(list) do
    if ins.op == "label" then
      fn_of[ins.label] = ins.fn
      if ins.label == ins.fn.top then
        fns[#fns + 1] = ins.fn
        ins.fn.used, ins.fn.written, ins.fn.inner = {}, {}, {}
        ins.fn.exits, ins.fn.is_exit = {}, {}
        table.insert(ins.fn.outer.inner or {}, ins.fn)
      end
    end
  end
  for _, ins in ipairs(list) do
    local is_round = ins.op == "round"
    if is_round then
      ins.fn.spent = ins.label
    end
    local fn = ins.fn
    while fn.outer do
      code.each_use(ins, function(r)
        fn.used[r] = r > MACHINE or nil
      end)
      local written = code.written(ins)
      if written and written > MACHINE then
        fn.used[written], fn.written[written] = true, true
      end
      if ins.label and not is_inside(fn_of[ins.label], fn) and not fn.is_exit[ins.label]
        and not (is_round and fn == ins.fn) then
        table.insert(fn.exits, ins.label)
        fn.is_exit[ins.label] = true
      end
      fn = fn.outer
    end
  end
  return fns
end

-- The registers that are alive at each label.
local function alive_at_labels(list)
  local alive = {}
  for _, block in ipairs(flow.liveness(list)) do
    local i = block.first
    while i <= block.last and list[i].op == "label" do
      alive[list[i].label] = block.live
      i = i + 1
    end
  end
  return alive
end

local function both(a, b)
  local list = {}
  for r in pairs(a) do
    if b[r] then
      list[#list + 1] = r
    end
  end
  table.sort(list)
  return list
end

-- `taken`: what a round starts with; `kept`: what it leaves to the next; `left[label]`: what it
-- leaves there.
local function find_shared(fn, alive)
  alive[fn.top][fn.zero], fn.used[fn.zero] = true, true
  fn.taken, fn.kept = both(alive[fn.top], fn.used), both(alive[fn.top], fn.written)
  fn.left = {}
  for _, label in ipairs(fn.exits) do
    fn.left[label] = both(alive[label], fn.written)
  end
end

-- A slot for each shared register. Loops that follow each other use the same ones.
local function give_slots(fn, c)
  c:scoped(function()
    fn.slots = setmetatable({}, {__index = fn.outer.slots})
    local lists = {fn.taken}
    for _, label in ipairs(fn.exits) do
      lists[#lists + 1] = fn.left[label]
    end
    for _, list in ipairs(lists) do
      for _, r in ipairs(list) do
        fn.slots[r] = fn.slots[r] or c:slot(8)
      end
    end
    fn.exit = c:slot(8)
    for _, inner in ipairs(fn.inner) do
      give_slots(inner, c)
    end
  end)
end

-- Code --------------------------------------------------------------------------------------------
--
-- Before Linux 6.8 the verifier can take two states for the same that differ in a number on the
-- stack, if that number is read by another register than r10, as functions do. So a number that a
-- function reads is hidden from it.

-- What F generates, as a list.
local function generated(c, fn, f)
  local list, outer = c.list, c.fn
  c.list, c.fn = {}, fn
  f()
  local new = c.list
  c.list, c.fn = list, outer
  return new
end

local function append(list, more)
  for _, ins in ipairs(more) do
    list[#list + 1] = ins
  end
end

-- IN_FUNCTION: the one that loads them is a function, too.
local function load(c, fn, registers, in_function)
  for _, r in ipairs(registers) do
    c:emit("load", {d = r, b = fn.slots[r], off = 0, size = 8})
  end
  for _, r in ipairs(registers) do
    local kind = in_function and r ~= fn.zero and c.kinds[r]
    if kind == "ptr" then -- which the verifier may know
      c:as_number(r)
    end
    if kind == "int" or kind == "bool" or kind == "ptr" then
      c:change("+", r, fn.zero)
    end
  end
end

local function store(c, fn, registers)
  for _, r in ipairs(registers) do
    c:store(fn.slots[r], 0, 8, r)
  end
end

-- Whether a register's slot has its value, because the loop around has it there and only reads it.
local function is_stored(fn, r)
  if fn.outer and not fn.written[r] then
    for _, taken in ipairs(fn.taken) do
      if taken == r then
        return true
      end
    end
  end
  return false
end

-- The verifier follows each way out of a loop in a function, whatever the loop has left.
local function clear(c, fn)
  for _, label in ipairs(fn.exits) do
    for _, r in ipairs(fn.left[label]) do
      c:store(fn.slots[r], 0, 8, {imm = 0})
    end
  end
end

-- Instead of the loop: the call, and the way on.
local function call(c, fn)
  local in_function = fn.outer.outer ~= nil
  if in_function then
    clear(c, fn)
  end
  for _, r in ipairs(fn.taken) do
    if not is_stored(fn.outer, r) then
      c:store(fn.slots[r], 0, 8, r)
    end
  end
  c:store(fn.exit, 0, 8, {imm = 0})
  c:mov(1, {imm = MOST_ROUNDS})
  c:emit("func", {d = 2, func = fn})
  c:mov(3, FRAME)
  c:mov(4, {imm = 0})
  c:emit("call", {helper = BPF_LOOP, n = 4})
  local exit, ways = c:load(fn.exit, 0, 8), {}
  if in_function then
    c:change("+", exit, fn.zero)
  end
  for i in ipairs(fn.exits) do
    ways[i] = c:label()
    c:branch("==", exit, {imm = i}, ways[i])
  end
  c:jump(fn.spent)
  for i, label in ipairs(fn.exits) do
    c:place(ways[i])
    load(c, fn, fn.left[label], in_function)
    c:jump(label)
  end
end

-- The function: a round, and its ends.
local function round(c, fn, body)
  local again, ways = c:label(), {}
  for i, label in ipairs(fn.exits) do
    ways[label] = {label = c:label(), number = i}
  end
  local list = generated(c, fn, function()
    c:store(fn.exit, 0, 8, {imm = 0}) -- since 6.7 the verifier tries another round after the last
    load(c, fn, fn.taken, true)
  end)
  for _, ins in ipairs(body) do
    if ins.op ~= "label" and ins.label then
      ins.label = ins.label == fn.top and again or ways[ins.label] and ways[ins.label].label
        or ins.label
    end
    if ins.op ~= "round" then
      list[#list + 1] = ins
    end
  end
  append(list, generated(c, fn, function()
    c:place(again)
    store(c, fn, fn.kept)
    c:exit {imm = 0}
    for _, label in ipairs(fn.exits) do
      c:place(ways[label].label)
      store(c, fn, fn.left[label])
      c:store(fn.exit, 0, 8, {imm = ways[label].number})
      c:exit {imm = 1}
    end
  end))
  return list
end

-- Takes the instructions of FN out of the list.
local function take_out(list, c, fn)
  local rest, body = {}, {}
  for _, ins in ipairs(list) do
    if ins.fn == fn then
      if #body == 0 then
        c.node, c.depth = ins.node, ins.depth
        append(rest, generated(c, fn.outer, function()
          call(c, fn)
        end))
      end
      body[#body + 1] = ins
    else
      rest[#rest + 1] = ins
    end
  end
  fn.list = round(c, fn, body)
  return rest
end

--- The functions of a program, which calls them by bpf_loop().
-- @param list its instructions, with virtual registers
-- @param c the code object that generated them, which has the stack
-- @return the program's own instructions, and a list of functions, outer ones first, each with
-- `list`
function outline.functions(list, c)
  list = flow.reachable(list)
  local fns = survey(list)
  if #fns == 0 then
    return list, fns
  end
  local alive = alive_at_labels(list)
  c.top = c.most
  for _, fn in ipairs(fns) do
    find_shared(fn, alive)
  end
  for _, fn in ipairs(fns) do
    if not fn.outer.outer then
      fn.outer.slots = {}
      give_slots(fn, c)
    end
  end
  for i = #fns, 1, -1 do
    list = take_out(list, c, fns[i])
  end
  return list, fns
end

--- The instructions of a function, with its slots by the address that it got.
function outline.rebase(list)
  local out = {{op = "alu", code = "mov", d = BASE, s = CONTEXT, node = list[1].node,
    depth = list[1].depth}}
  for _, ins in ipairs(list) do
    if ins.op == "frame" then
      out[#out + 1] = {op = "alu", code = "mov", d = ins.d, s = BASE, node = ins.node,
        depth = ins.depth}
      out[#out + 1] = {op = "alu", code = "+", d = ins.d, imm = ins.slot.offset + ins.off,
        node = ins.node, depth = ins.depth}
    else
      if type(ins.b) == "table" then
        ins.off, ins.b = ins.off + ins.b.offset, BASE
      end
      if ins.s == FRAME then
        ins.s = BASE
      end
      out[#out + 1] = ins
    end
  end
  return out
end

return outline
