-- Register allocation by graph colouring: copies are coalesced first, and registers without a
-- colour are spilled to the stack.
local code = require "lbpf.compiler.code"
local flow = require "lbpf.compiler.flow"

local COLORS = 10 -- r0 to r9, unless some are reserved
local FIRST = 11 -- below: the machine's own

local graph = {}
graph.__index = graph

local function new_graph(code_object, colors)
  return setmetatable({adjacent = {}, degree = {}, nodes = {}, alias = {}, cost = {},
    code = code_object, colors = colors}, graph)
end

function graph:add(r)
  if not self.adjacent[r] then
    self.adjacent[r], self.degree[r] = {}, 0
    self.cost[r] = 0
    if r >= FIRST then
      self.nodes[#self.nodes + 1] = r
    end
  end
end

function graph:connect(a, b)
  if a ~= b and a ~= 10 and b ~= 10 and not self.adjacent[a][b] then
    self.adjacent[a][b], self.adjacent[b][a] = true, true
    self.degree[a], self.degree[b] = self.degree[a] + 1, self.degree[b] + 1
  end
end

function graph:find(r)
  while self.alias[r] do
    r = self.alias[r]
  end
  return r
end

local function is_copy(ins)
  return ins.op == "alu" and ins.code == "mov" and ins.s and not ins.word and ins.s ~= 10
end

local function build(list, code_object, colors)
  local self = new_graph(code_object, colors)
  for r = 0, 9 do
    self:add(r)
  end
  self.copies = {}
  for _, ins in ipairs(list) do
    local weight = 8 ^ math.min(ins.depth, 6)
    local written = code.written(ins)
    if written then
      self:add(written)
      self.cost[written] = self.cost[written] + weight
    end
    code.each_use(ins, function(r)
      if r ~= 10 then
        self:add(r)
        self.cost[r] = self.cost[r] + weight
      end
    end)
    if is_copy(ins) then
      table.insert(self.copies, ins)
    end
  end
  for _, block in ipairs(flow.liveness(list)) do
    flow.backwards(list, block, function(ins, live)
      if ins.op == "forget" then
        ins.alive = {}
        for r in pairs(live) do
          ins.alive[r] = true
        end
      end
      local first, last = code.written(ins), code.written(ins)
      if ins.op == "call" then
        first, last = 0, 5
      end
      for r = first or 1, last or 0 do
        for other in pairs(live) do
          if not (is_copy(ins) and other == ins.s) then
            self:connect(r, other)
          end
        end
      end
    end)
  end
  return self
end

-- Whether two registers can be coalesced safely: the tests of Briggs and George.
function graph:can_join(a, b)
  if a < FIRST then
    for r in pairs(self.adjacent[b]) do
      if r >= FIRST and self.degree[r] >= self.colors and not self.adjacent[a][r] then
        return false
      end
    end
    return true
  end
  local hard = 0
  for r in pairs(self.adjacent[a]) do
    if r < FIRST or self.degree[r] - (self.adjacent[b][r] and 1 or 0) >= self.colors then
      hard = hard + 1
    end
  end
  for r in pairs(self.adjacent[b]) do
    if not self.adjacent[a][r] and (r < FIRST or self.degree[r] >= self.colors) then
      hard = hard + 1
    end
  end
  return hard < self.colors
end

function graph:join(a, b)
  self.alias[b] = a
  self.cost[a] = self.cost[a] + self.cost[b]
  for r in pairs(self.adjacent[b]) do
    self.adjacent[r][b] = nil
    self.degree[r] = self.degree[r] - 1
    self:connect(a, r)
  end
  self.adjacent[b] = nil
end

function graph:coalesce(temporary)
  local joined
  repeat
    joined = false
    for _, ins in ipairs(self.copies) do
      local a, b = self:find(ins.d), self:find(ins.s)
      if b < a then
        a, b = b, a
      end
      if a ~= b and b >= FIRST and not temporary[a] and not temporary[b]
        and not self.adjacent[a][b] and self:can_join(a, b) then
        self:join(a, b)
        joined = true
      end
    end
  until not joined
end

-- The order of simplification; colours are assigned in reverse.
function graph:simplify(temporary)
  local degree, left, easy, stack, gone = {}, {}, {}, {}, {}
  for _, r in ipairs(self.nodes) do
    if not self.alias[r] then
      degree[r] = self.degree[r]
      left[#left + 1] = r
      if degree[r] < self.colors then
        easy[#easy + 1] = r
      end
    end
  end
  local function remove(r)
    stack[#stack + 1], gone[r] = r, true
    for other in pairs(self.adjacent[r]) do
      if degree[other] and not gone[other] then
        degree[other] = degree[other] - 1
        if degree[other] == self.colors - 1 then
          easy[#easy + 1] = other
        end
      end
    end
  end
  while true do
    while #easy > 0 do
      local r = table.remove(easy)
      if not gone[r] then
        remove(r)
      end
    end
    local worst, least = nil, math.huge
    local rest = {}
    for _, r in ipairs(left) do
      if not gone[r] then
        rest[#rest + 1] = r
        local value = temporary[r] and 1e18 or self.cost[r] / degree[r]
        if value < least then
          worst, least = r, value
        end
      end
    end
    left = rest
    if not worst then
      return stack
    end
    remove(worst)
  end
end

-- Colours by register, and the registers without one.
function graph:select(stack)
  local color, homeless = {}, {}
  for r = 0, 9 do
    color[r] = r
  end
  for i = #stack, 1, -1 do
    local r, taken = stack[i], {}
    for other in pairs(self.adjacent[r]) do
      if color[other] then
        taken[color[other]] = true
      end
    end
    local c = 0
    while taken[c] do
      c = c + 1
    end
    if c < self.colors then
      color[r] = c
    else
      homeless[#homeless + 1] = r
    end
  end
  return color, homeless
end

-- Registers that hold one constant or address are rematerialised where they are used.
function graph:constants(list)
  local source, writes = {}, {}
  for _, ins in ipairs(list) do
    local written = code.written(ins)
    written = written and self:find(written)
    if written then
      writes[written] = (writes[written] or 0) + 1
      local simple = ins.op == "alu" and ins.code == "mov" and ins.imm or ins.op == "imm64"
        or ins.op == "map" or ins.op == "frame"
      source[written] = simple and not ins.reloc and ins or nil
    end
  end
  for r in pairs(source) do
    source[r] = writes[r] == 1 and source[r] or nil
  end
  return source
end

local function copy(ins, d)
  local new = {}
  for k, v in pairs(ins) do
    new[k] = v
  end
  new.d = d
  return new
end

-- A stack slot for each spilled register; those that are never alive at once share one.
function graph:slots(homeless, made_again)
  local slots, all = {}, {}
  for _, r in ipairs(homeless) do
    local free
    for _, slot in ipairs(made_again[r] and {} or all) do
      local fits = true
      for _, user in ipairs(slot.users) do
        fits = fits and not self.adjacent[r][user]
      end
      free = free or fits and slot
    end
    if not free and not made_again[r] then
      free = {slot = self.code:slot(8), users = {}}
      all[#all + 1] = free
    end
    if free then
      table.insert(free.users, r)
      slots[r] = free.slot
    end
  end
  return slots
end

function graph:spill(list, homeless, temporary)
  local made_again = self:constants(list)
  local slots = self:slots(homeless, made_again)
  local lost = {}
  for _, r in ipairs(homeless) do
    lost[r] = true
  end
  local out = {}
  for _, ins in ipairs(list) do
    local written = code.written(ins)
    local d, s = written and self:find(written), ins.s and self:find(ins.s)
    if written and lost[d] and made_again[d] then
      ins = nil
    elseif is_copy(ins) and lost[d] and not lost[s] then
      out[#out + 1] = {op = "store", b = slots[d], off = 0, size = 8, s = ins.s, node = ins.node,
        depth = ins.depth}
      ins = nil
    elseif is_copy(ins) and lost[s] and not lost[d] and not made_again[s] then
      out[#out + 1] = {op = "load", b = slots[s], off = 0, size = 8, d = ins.d, node = ins.node,
        depth = ins.depth}
      ins = nil
    elseif ins.op == "alu" and ins.code == "mov" and ins.imm and lost[d] and not ins.reloc then
      out[#out + 1] = {op = "store", b = slots[d], off = 0, size = 8, imm = ins.imm,
        node = ins.node,
        depth = ins.depth}
      ins = nil
    end
    if ins and ins.op == "forget" then
      for r in pairs(ins.alive) do
        local slot = slots[self:find(r)]
        ins.kept[slot and slot.offset or 0] = true
      end
    end
    if ins then
      local temps = {}
      local function temp(r)
        if not temps[r] then
          temps[r] = self.code:reg()
          temporary[temps[r]] = true
        end
        return temps[r]
      end
      code.each_use(ins, function(r, field)
        local root = self:find(r)
        if lost[root] then
          if not temps[root] then
            local t = temp(root)
            out[#out + 1] = made_again[root] and copy(made_again[root], t)
              or {op = "load", b = slots[root], off = 0, size = 8, d = t, node = ins.node,
                depth = ins.depth}
          end
          ins[field] = temps[root]
        end
      end)
      out[#out + 1] = ins
      if written and lost[d] then
        ins.d = temp(d)
        out[#out + 1] = {op = "store", b = slots[d], off = 0, size = 8, s = ins.d, node = ins.node,
          depth = ins.depth}
      end
    end
  end
  return out
end

-- The instructions that forget what is not alive: see loops.lua. SPILLED: where the slots of
-- spilled registers begin.
function graph:forget(ins, color, spilled, out)
  local kept = {[ins.s] = true}
  for r in pairs(ins.alive) do
    kept[color[self:find(r)] or r] = true -- r10 has no colour
  end
  local function add(new)
    new.node, new.depth = ins.node, ins.depth
    out[#out + 1] = new
  end
  for r = 0, self.colors - 1 do
    if not kept[r] then
      add {op = "alu", code = "mov", d = r, s = ins.s}
    end
  end
  local function clear(from, to)
    for at = from + 8, to, 8 do
      if not ins.kept[-at] then
        add {op = "store", b = {offset = -at}, off = 0, size = 8, s = ins.s}
      end
    end
  end
  clear(ins.from, ins.to)
  clear(spilled, self.code.most)
end

-- Replaces virtual registers by the machine's.
function graph:rename(list, color, spilled)
  local out = {}
  for _, ins in ipairs(list) do
    for _, field in ipairs {"d", "s", "a", "b"} do
      local r = ins[field]
      if type(r) == "number" and r ~= 10 then
        ins[field] = color[self:find(r)]
      end
    end
    if ins.op == "forget" then
      self:forget(ins, color, spilled, out)
    elseif not (is_copy(ins) and ins.d == ins.s) then
      out[#out + 1] = ins
    end
  end
  return out
end

--- @param list instructions
--- @param code_object that generated them, which has the stack
--- @param colors ?how many registers there are, from r0 on
local function allocate(list, code_object, colors)
  local temporary = {}
  local spilled = code_object.most -- below what the program has
  code_object.top = spilled
  for _ = 1, 40 do
    local self = build(list, code_object, colors or COLORS)
    self:coalesce(temporary)
    local color, homeless = self:select(self:simplify(temporary))
    if #homeless == 0 then
      return self:rename(list, color, spilled)
    end
    list = self:spill(list, homeless, temporary)
  end
  error "registers: no end"
end

return {allocate = allocate}
