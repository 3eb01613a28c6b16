-- Control flow: removes unreachable and unused instructions, and shortens chains of jumps.
local code = require "lbpf.compiler.code"

local flow = {}

local ends = {jump = true, exit = true}

-- The instruction after each label, by label.
local function positions(list)
  local at = {}
  for i, ins in ipairs(list) do
    if ins.op == "label" then
      at[ins.label] = i
    end
  end
  return at
end

local function skip_labels(list, i)
  while list[i] and list[i].op == "label" do
    i = i + 1
  end
  return i
end

local function same_test(a, b)
  return a.a == b.a and a.s == b.s and a.imm == b.imm
end

-- Gives jumps that lead to other jumps, or to the same comparison again, their final target.
-- Returns whether there were any.
local function thread(list, at)
  local changed = false
  for _, ins in ipairs(list) do
    local hops = 0
    while ins.label and ins.op ~= "label" and hops < 8 do
      local target = list[skip_labels(list, at[ins.label])]
      hops = hops + 1
      if target and (target.op == "jump" or ins.op == "branch" and target.op == "branch"
        and ins.code == target.code and same_test(ins, target)) then
        ins.label, changed = target.label, true
      else
        break
      end
    end
  end
  return changed
end

-- The instructions that can be reached, and the labels of jumps.
local function reach(list, at)
  local seen, work, used = {}, {1}, {}
  while #work > 0 do
    local i = table.remove(work)
    while list[i] and not seen[i] do
      local ins = list[i]
      seen[i] = true
      if ins.label and ins.op ~= "label" then
        used[ins.label] = true
        work[#work + 1] = at[ins.label]
      end
      if ends[ins.op] then
        break
      end
      i = i + 1
    end
  end
  return seen, used
end

-- Removes unreachable instructions, and labels without jumps.
local function reachable(list, at)
  local seen, used = reach(list, at)
  local out = {}
  for i, ins in ipairs(list) do
    if seen[i] and (ins.op ~= "label" or used[ins.label]) then
      out[#out + 1] = ins
    end
  end
  return out
end

--- The instructions that can be reached, with all their labels.
function flow.reachable(list)
  local seen, out = reach(list, positions(list)), {}
  for i, ins in ipairs(list) do
    if seen[i] then
      out[#out + 1] = ins
    end
  end
  return out
end

-- Forgets the comparisons of registers that an instruction writes.
local function still_known(known, ins)
  local written = known[1] and code.written(ins)
  if not known[1] or ins.op ~= "call" and not written then
    return known
  end
  local function is_lost(r)
    return r and (r == written or ins.op == "call" and r <= 5)
  end
  local rest = {}
  for _, test in ipairs(known) do
    if not is_lost(test.a) and not is_lost(test.s) then
      rest[#rest + 1] = test
    end
  end
  return rest
end

-- Removes comparisons whose result is known from an earlier one that did not jump. Returns the
-- rest, and whether there were any.
local function known_branches(list)
  local out, known, changed = {}, {}, false
  for _, ins in ipairs(list) do
    local answer
    if ins.op == "label" then
      known = {}
    elseif ins.op == "branch" then
      for _, test in ipairs(known) do
        if same_test(test, ins) and (test.code == ins.code
          or test.code == code.opposite[ins.code]) then
          answer = test.code
        end
      end
      if answer ~= ins.code then
        out[#out + 1] = answer and {op = "jump", label = ins.label, node = ins.node,
          depth = ins.depth}
          or ins
      end
      known[#known + 1] = not answer and ins or nil
      changed = changed or answer ~= nil
    else
      known = still_known(known, ins)
    end
    if ins.op ~= "branch" then
      out[#out + 1] = ins
    end
  end
  return out, changed
end

-- Removes jumps to the next instruction; a branch over a jump becomes the opposite branch. Returns
-- the rest, and whether there were any.
local function straighten(list)
  local out, changed = {}, false
  for i, ins in ipairs(list) do
    local next = list[i + 1]
    local keep = true
    if ins.op == "jump" or ins.op == "branch" then
      local j = i + 1
      while keep and list[j] and list[j].op == "label" do
        keep = list[j].label ~= ins.label
        j = j + 1
      end
      if keep and ins.op == "branch" and next and next.op == "jump" and code.opposite[ins.code] then
        j = i + 2
        while list[j] and list[j].op == "label" and list[j].label ~= ins.label do
          j = j + 1
        end
        if list[j] and list[j].op == "label" then
          ins.code, ins.label, next.label = code.opposite[ins.code], next.label, ins.label
          changed = true
        end
      end
    end
    if keep then
      out[#out + 1] = ins
    end
    changed = changed or not keep
  end
  return out, changed
end

--- The same instructions, simplified.
function flow.clean(list)
  for _ = 1, 3 do
    local at = positions(list)
    local threaded = thread(list, at)
    local decided, straightened
    list, decided = known_branches(reachable(list, at))
    list, straightened = straighten(list)
    if not (threaded or decided or straightened) then
      return list
    end
  end
  return reachable(list, positions(list))
end

-- Blocks and liveness ---------------------------------------------------------------------------

-- A list of {first, last, next (indices of blocks)}.
local function make_blocks(list)
  local blocks, by_label, block = {}, {}, nil
  for i, ins in ipairs(list) do
    if not block or ins.op == "label" and block.first < i and list[i - 1].op ~= "label" then
      block = {first = i, next = {}}
      blocks[#blocks + 1] = block
    end
    block.last = i
    if ins.op == "label" then
      by_label[ins.label] = #blocks
    elseif ins.label or ins.op == "exit" then
      block = nil
    end
  end
  for i, b in ipairs(blocks) do
    local last = list[b.last]
    if last.label and last.op ~= "label" then
      table.insert(b.next, by_label[last.label])
    end
    if not ends[last.op] and blocks[i + 1] then
      table.insert(b.next, i + 1)
    end
  end
  return blocks
end

-- The registers that a block reads before it writes them, and those that it writes.
local function summarize(list, block)
  local use, def = {}, {}
  for i = block.first, block.last do
    local ins = list[i]
    code.each_use(ins, function(r)
      if not def[r] then
        use[r] = true
      end
    end)
    local written = code.written(ins)
    if written then
      def[written] = true
    elseif ins.op == "call" then
      for r = 0, 5 do
        def[r] = true
      end
    end
  end
  block.use, block.def = use, def
end

--- The blocks, each with `out`: the registers that are alive at its end, as keys.
function flow.liveness(list)
  local blocks = make_blocks(list)
  local before = {}
  for i, block in ipairs(blocks) do
    summarize(list, block)
    block.out, block.live = {}, {}
    for r in pairs(block.use) do
      block.live[r] = true
    end
    for _, n in ipairs(block.next) do
      before[n] = before[n] or {}
      table.insert(before[n], i)
    end
  end
  local work, queued = {}, {}
  for i = 1, #blocks do
    work[i], queued[i] = i, true
  end
  while #work > 0 do
    local i = table.remove(work)
    queued[i] = nil
    local block = blocks[i]
    local grown = false
    for _, n in ipairs(block.next) do
      for r in pairs(blocks[n].live) do
        if not block.out[r] then
          block.out[r] = true
          if not block.def[r] and not block.live[r] then
            block.live[r], grown = true, true
          end
        end
      end
    end
    for _, p in ipairs(grown and before[i] or {}) do
      if not queued[p] then
        work[#work + 1], queued[p] = p, true
      end
    end
  end
  return blocks
end

--- Walks a block backwards: f(instruction, live), with the registers that are alive after the
-- instruction. If F returns false, the instruction is ignored.
function flow.backwards(list, block, f)
  local live = {}
  for r in pairs(block.out) do
    live[r] = true
  end
  for i = block.last, block.first, -1 do
    local ins = list[i]
    if f(ins, live, i) ~= false then
      local written = code.written(ins)
      if written then
        live[written] = nil
      elseif ins.op == "call" then
        for r = 0, 5 do
          live[r] = nil
        end
      end
      code.each_use(ins, function(r)
        live[r] = true
      end)
    end
  end
end

--- Removes instructions whose results are not read.
function flow.drop_unused(list)
  local dropped
  repeat
    dropped = {}
    for _, block in ipairs(flow.liveness(list)) do
      flow.backwards(list, block, function(ins, live, i)
        if code.is_pure(ins) and not live[ins.d] then
          dropped[i] = true
          return false
        end
      end)
    end
    if next(dropped) then
      local out = {}
      for i, ins in ipairs(list) do
        if not dropped[i] then
          out[#out + 1] = ins
        end
      end
      list = out
    end
  until not next(dropped)
  return list
end

return flow
