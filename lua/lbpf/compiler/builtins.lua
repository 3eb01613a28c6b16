-- The built-in values and functions of programs. For each name:
--
--   type(types, node)       checks the arguments and gives the type
--   value(generator, node)  the code: returns an operand, and a flag if there may be no value
--   string(generator, node, base, off, size, padded)  instead, for strings
--   call = {least, most}    of functions: how many arguments; usage: for messages
--
-- Those of strings and bytes are in texts.lua, those that print or count in output.lua.
local int64 = require "lbpf.compiler.int64"
local T = require "lbpf.compiler.type"
local fail = require("lbpf.compiler.source").fail_at
local output = require "lbpf.compiler.output"
local texts = require "lbpf.compiler.texts"

local builtins = {}

local function is(t)
  return function() return t end
end

-- Values ------------------------------------------------------------------------------------------

local function helper(id, half)
  return {type = is(half == "whole" and T.int or T.natural), value = function(self)
    local d = self.code:call(id)
    if half == "high" then
      return self.code:change(">>", d, {imm = 32})
    elseif half == "low" then
      return self.code:low(d)
    end
    return d
  end}
end

builtins.pid, builtins.tid = helper(14, "high"), helper(14, "low")
builtins.gid, builtins.uid = helper(15, "high"), helper(15, "low")
builtins.nsecs, builtins.cpu, builtins.rand = helper(5), helper(8), helper(7)
builtins.cgroup = helper(80, "whole")

-- The process's id in the PID namespace that stat(2) of /proc/PID/ns/pid describes; 0 if it is in
-- another.
builtins.nspid = {
  call = {2, 2}, usage = "nspid(device, inode)",
  type = function(types, node)
    types:number(node.args[1])
    types:number(node.args[2])
    return T.natural
  end,
  value = function(self, node)
    local c = self.code
    local info = c:slot(8) -- struct bpf_pidns_info: pid, tgid
    c:store(info, 0, 8, {imm = 0})
    c:call(120, self:value(node.args[1]), self:value(node.args[2]), {slot = info}, {imm = 8})
    return c:load(info, 4, 4)
  end,
}

builtins.comm = {
  type = is(T.str(16)),
  value = is {imm = 0},
  string = function(self, _, base, off, size, padded)
    local c = self.code
    if padded then -- the helper of Linux 6.1 writes one zero
      self:clear(base, off, size)
    end
    local to = type(base) == "table" and {slot = base, off = off}
      or off ~= 0 and c:alu("+", base, {imm = off}) or base
    c:call(16, to, {imm = 16})
  end,
}

builtins.curtask = {
  type = function(types, node)
    local id = types.kernel and types.kernel:find("task_struct", "struct")
    if not id then
      fail(node, "curtask needs the kernel's BTF")
    end
    local t = T.pointer(id, "kernel", types.env.helper "bpf_get_current_task_btf" ~= nil)
    t.always = true
    return t
  end,
  value = function(self, node)
    return self.code:call(node.type.known and 158 or 35)
  end,
}

local function stack(show, flags)
  return {
    type = function(types)
      types.env.stacks.used = true
      return T.shown(show)
    end,
    value = function(self)
      return self.code:call(27, self.ctx, {map = self.env.stacks.map}, {imm = flags})
    end,
  }
end

builtins.kstack, builtins.ustack = stack("kstack", 0), stack("ustack", 256)

builtins.args = {
  type = function(types, node)
    local context = types.probe.context
    if not context then
      fail(node, "'%s' has fields, which are the probe's arguments: %s.name", node.name, node.name)
    end
    local id = types.kernel and types.kernel:find(context, "struct")
    if not id then
      fail(node, "the kernel's BTF has no struct %s", context)
    end
    return T.pointer(id, "ctx")
  end,
  value = function(self) return self.ctx end,
}
builtins.ctx = builtins.args

builtins.retval = {
  type = function(types, node)
    local arg = types.probe.retval
    if not arg then
      fail(node, "%s has no value that is returned; fexit, kretprobe and uretprobe have",
        types.probe.section)
    elseif not arg.type then
      fail(node, "what this function returns is of a type that a program cannot read")
    end
    node.argument = arg
    return arg.type
  end,
  value = function(self, node) return self:argument(node.argument) end,
}

-- The file of SEC("uprobe.multi/FILE:FUNCTION"), whose handler gives the function's offset in the
-- file as the cookie.
local function file_of(probe)
  return probe.section:match "^uprobe%.multi/(.+):[^:]+$"
    or probe.section:match "^uretprobe%.multi/(.+):[^:]+$"
end

builtins.func = {
  type = function(types)
    local file = file_of(types.probe)
    return T.shown(file and "function of " .. file or "ksym")
  end,
  value = function(self)
    return self.code:call(file_of(self.probe) and 174 or 173, self.ctx)
  end,
}

-- Memory ------------------------------------------------------------------------------------------

-- Casts a pointer to another type, or to another address space.
local function pointer_as(space)
  return {
    call = {1, 1},
    type = function(types, node)
      local t = types:pointer(node.args[1])
      return T.pointer(t.to or 0, space)
    end,
    value = function(self, node) return self:value(node.args[1]) end,
  }
end

builtins.kptr, builtins.uptr = pointer_as "kernel", pointer_as "user"

-- The BTF type with this name.
local function named_type(types, node)
  if node.tag ~= "string" then
    fail(node, "a type is named by a string: \"struct sock\"")
  end
  local id = types.kernel and types.kernel:find_type(node.value)
  if not id then
    fail(node, "the kernel's BTF has no type '%s'", node.value)
  end
  return id
end

builtins.cast = {
  call = {2, 2}, usage = "cast(\"struct sock\", pointer)",
  type = function(types, node)
    local id = named_type(types, node.args[1])
    local t = types:pointer(node.args[2])
    return T.pointer(id, t.space or types.probe.space or "kernel")
  end,
  value = function(self, node) return self:value(node.args[2]) end,
}

builtins.container_of = {
  call = {3, 3}, usage = "container_of(pointer, \"struct outer\", \"member\")",
  type = function(types, node)
    local t, id = types:pointer(node.args[1]), named_type(types, node.args[2])
    local way = node.args[3].tag == "string"
      and types.kernel:member(types.kernel:resolve(id), node.args[3].value)
    if not way then
      fail(node.args[3], "there is no such member")
    end
    node.root, node.way = id, way
    return T.pointer(id, t.space or "kernel")
  end,
  value = function(self, node)
    local place = {base = self.code:mov(self.code:reg(), {imm = 0}), off = 0, root = node.root,
      steps = {},
      space = node.type.space}
    for _, step in ipairs(node.way) do
      table.insert(place.steps, step)
      place.off = place.off + math.floor(step.member.offset / 8)
    end
    local pointer = self:value(node.args[1])
    return self.code:alu("-", pointer, self:address_of(place))
  end,
}

builtins.addr = {
  call = {1, 1},
  type = function(types, node)
    types:pointer(node.args[1])
    return T.int
  end,
  value = function(self, node)
    local c, operand = self.code, self:value(node.args[1])
    return node.args[1].type.known and c:as_number(c:mov(c:reg(), operand)) or operand
  end,
}

builtins.packet = {
  call = {1, 2}, usage = "packet(\"struct iphdr\", offset)",
  type = function(types, node)
    if not types.probe.packet then
      fail(node, "%s has no packet; xdp and tc programs have", types.probe.section)
    end
    local id = named_type(types, node.args[1])
    if node.args[2] then
      types:number(node.args[2])
    end
    return T.optional(T.pointer(id, "packet"), "nil")
  end,
  value = function(self, node)
    local c, at = self.code, self.probe.packet
    local offset = node.args[2] and self:value(node.args[2]) or {imm = 0}
    local done, d = c:label(), c:mov(c:reg(), {imm = 0})
    if type(offset) == "number" then
      c:branch("u>", offset, {imm = 0xffff}, done)
    end
    local data, stop = c:load(self.ctx, at.data, 4), c:load(self.ctx, at.data_end, 4)
    if type(offset) == "number" or offset.imm ~= 0 then
      c:change("+", data, offset)
    end
    local last = c:alu("+", data, {imm = self.kernel:size(node.type.to)})
    c:branch("u>", last, stop, done)
    c:mov(d, data)
    c:place(done)
    return d, d
  end,
}

-- Numbers -----------------------------------------------------------------------------------------

-- The lower bits of a constant in the other byte order.
local function swapped(n, width)
  local result = 0
  for _ = 1, width / 8 do
    result = result * 256 + n % 256
    n = math.floor(n / 256)
  end
  return result
end

local function swap(width)
  return {
    call = {1, 1},
    type = function(types, node)
      types:number(node.args[1])
      return width < 64 and T.natural or T.int
    end,
    value = function(self, node)
      local c, operand = self.code, self:value(node.args[1])
      if width < 64 and type(operand) == "table" then
        local n = swapped(operand.imm, width)
        return int64.small(n) and {imm = n} or c:imm64(n)
      end
      local d = c:mov(c:reg(), operand)
      c:emit("swap", {d = d, width = width})
      return d
    end,
  }
end

builtins.bswap16, builtins.bswap32, builtins.bswap64 = swap(16), swap(32), swap(64)
builtins.ntohs, builtins.ntohl, builtins.htons, builtins.htonl = swap(16), swap(32), swap(16),
  swap(32)

-- Lua 5.4's operators for Luas that cannot write them.
local function operator(op)
  return {
    call = {2, 2},
    type = function(types, node)
      node.left, node.right = node.args[1], node.args[2]
      local l, r = types:number(node.left), types:number(node.right)
      return op == "&" and (l.natural or r.natural) and T.natural or T.int
    end,
    value = function(self, node)
      return self:arithmetic(op, self:value(node.left), self:value(node.right), node)
    end,
  }
end

builtins.band, builtins.bor, builtins.bxor = operator "&", operator "|", operator "~"
builtins.lshift, builtins.rshift, builtins.idiv = operator "<<", operator ">>", operator "//"

builtins.bnot = {
  call = {1, 1},
  type = function(types, node)
    types:number(node.args[1])
    return T.int
  end,
  value = function(self, node) return self.code:alu("~", self:value(node.args[1]), {imm = -1}) end,
}

builtins.ult = {
  call = {2, 2},
  type = function(types, node)
    types:number(node.args[1])
    types:number(node.args[2])
    return T.bool
  end,
  value = function(self, node)
    local c = self.code
    local a, b = c:in_reg(self:value(node.args[1])), self:value(node.args[2])
    local d, done = c:mov(c:reg(), {imm = 1}), c:label()
    c:branch("u<", a, b, done)
    c:mov(d, {imm = 0})
    c:place(done)
    return d
  end,
}
builtins["math.ult"] = builtins.ult

local function extreme(op)
  return {
    call = {2, 2},
    type = function(types, node)
      local l, r = types:number(node.args[1]), types:number(node.args[2])
      return l.natural and r.natural and T.natural or T.int
    end,
    value = function(self, node)
      local c = self.code
      local d = c:mov(c:reg(), self:value(node.args[1]))
      local b, done = self:value(node.args[2]), c:label()
      self:test(op, d, b, done)
      c:mov(d, b)
      c:place(done)
      return d
    end,
  }
end

builtins["math.min"], builtins["math.max"] = extreme "<=", extreme ">="

local function limit(hi, lo)
  return {type = is(T.int), value = function(self) return self.code:imm64 {hi = hi, lo = lo} end}
end

builtins["math.maxinteger"] = limit(0x7fffffff, 0xffffffff)
builtins["math.mininteger"] = limit(0x80000000, 0)

--- A number that is shown as a symbol of the kernel or of the process.
local function shown(show)
  return {
    call = {1, 1},
    type = function(types, node)
      types:pointer(node.args[1])
      return T.shown(show)
    end,
    value = function(self, node) return self:value(node.args[1]) end,
  }
end

builtins.ksym, builtins.usym = shown "ksym", shown "usym"

for _, more in ipairs {texts, output} do
  for name, def in pairs(more) do
    builtins[name] = def
  end
end

local names = {
  ["bit.band"] = "band", ["bit.bor"] = "bor", ["bit.bxor"] = "bxor", ["bit.bnot"] = "bnot",
  ["bit.lshift"] = "lshift", ["bit.rshift"] = "rshift",
}
for name, same in pairs(names) do
  builtins[name] = builtins[same]
end

--- Any helper of the kernel, as bpf_NAME(...): it takes and returns numbers.
local function by_number(id)
  return {
    call = {0, 5},
    type = function(types, node)
      for _, arg in ipairs(node.args) do
        types:pointer(arg)
      end
      return T.int
    end,
    value = function(self, node)
      local args = {}
      for i, arg in ipairs(node.args) do
        args[i] = self.code:mov(self.code:reg(), self:value(arg))
      end
      return self.code:call(id, (table.unpack or unpack)(args)) -- luacheck: ignore 113 143
    end,
  }
end

return {all = builtins, by_number = by_number}
