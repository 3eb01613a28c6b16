-- Built-ins of strings and bytes.
local T = require "lbpf.compiler.type"
local fail = require("lbpf.compiler.source").fail_at

local texts = {}

local function is(t)
  return function() return t end
end

-- The space of a pointer, or of a number that is one.
local function space_of(self, node)
  local t = node.type
  return t.space or self.probe.space or "kernel"
end

texts.str = {
  call = {1, 2}, usage = "str(pointer, bytes)",
  type = function(types, node)
    local bound = types.env.options.str
    local t = types:expression(node.args[1])
    if t.kind == "str" then
      return t
    end
    types:pointer(node.args[1])
    if node.args[2] then
      bound = types:constant(node.args[2], "the bound of a string")
      if bound < 1 or bound > 4096 then
        fail(node.args[2], "the bound of a string is 1 to 4096 bytes")
      end
    end
    return T.str(bound)
  end,
  value = is {imm = 0},
  string = function(self, node, base, off, size, padded)
    local arg = node.args[1]
    if arg.type.kind == "str" then
      return self:string_into(arg, base, off, size, padded)
    end
    local from = self.code:in_reg(self:value(arg))
    self:read_string(from, space_of(self, arg), node.type.bound, base, off, size, padded)
  end,
}

texts.starts = {
  call = {2, 2}, usage = "starts(string, \"prefix\")",
  type = function(types, node)
    types:string(node.args[1])
    if node.args[2].tag ~= "string" then
      fail(node.args[2], "the prefix is a literal string")
    end
    types:expression(node.args[2])
    return T.bool
  end,
  value = function(self, node)
    local c, done = self.code, self.code:label()
    local d = c:mov(c:reg(), {imm = 1})
    self:compare_prefix(node.args[1], node.args[2].value, done)
    c:mov(d, {imm = 0})
    c:place(done)
    return d
  end,
}

-- The probe's name, as its spec has it.
texts.probe = {
  type = function(types, node)
    if types.probe.section:find("[*?]") then
      fail(node, "'probe' is not known where one program has many functions; func is")
    end
    node.literal = {tag = "string", value = types.probe.name, source = node.source, at = node.at}
    return types:expression(node.literal)
  end,
  value = is {imm = 0},
  string = function(self, node, ...) return self:string_into(node.literal, ...) end,
}

local MOST_STRINGS, MOST_OF_ONE = 16, 64

-- As many strings as fit, of 63 bytes at most.
texts.join = {
  call = {1, 2}, usage = "join(pointers, bytes)",
  type = function(types, node)
    types:pointer(node.args[1])
    local bound = node.args[2] and types:constant(node.args[2], "the bound of a string") or 256
    if bound < 2 * MOST_OF_ONE or bound > 4096 then
      fail(node.args[2], "the bound of joined strings is %d to 4096 bytes", 2 * MOST_OF_ONE)
    end
    return T.str(bound)
  end,
  value = is {imm = 0},
  string = function(self, node, base, off, size)
    local arg = node.args[1]
    self:join_strings(self.code:in_reg(self:value(arg)), space_of(self, arg), MOST_STRINGS,
      MOST_OF_ONE, base, off, size)
  end,
}

-- Whether a type is a struct path that the verifier knows.
local function is_known_path(types, t)
  return (t.kind == "place" or t.kind == "ptr") and t.known
    and types.kernel:resolve(t.to).name == "path"
end

-- A file's name with all folders, where the kernel allows it: lsm, iter, fentry of few functions.
texts.path = {
  call = {1, 2}, usage = "path(args.file.f_path, bytes)",
  type = function(types, node)
    local t = types:pointer(node.args[1])
    if t.kind ~= "unknown" and not is_known_path(types, t) then
      fail(node.args[1], "path() takes a struct path that the verifier knows: args.file.f_path of"
        .. " fentry, fexit, lsm and iter")
    end
    local bound = node.args[2] and types:constant(node.args[2], "the bound of a path") or 128
    if bound < 8 or bound > 256 then
      fail(node.args[2], "the bound of a path is 8 to 256 bytes")
    end
    return T.str(bound)
  end,
  value = is {imm = 0},
  string = function(self, node, base, off, size)
    self:path_into(self.code:in_reg(self:value(node.args[1])), node.type.bound, base, off, size)
  end,
}

-- Bytes at an address -----------------------------------------------------------------------------

local function bytes_at(self, node, base, off, size, padded)
  local arg = node.args[1]
  local count = node.type.bound
  if padded then
    self:clear(base, off, size)
  end
  self:read_bytes(self.code:in_reg(self:value(arg)), space_of(self, arg), base, off, count)
end

texts.buf = {
  call = {2, 2}, usage = "buf(pointer, bytes)",
  type = function(types, node)
    types:pointer(node.args[1])
    local count = types:constant(node.args[2], "the size of a buffer")
    if count < 1 or count > 4096 then
      fail(node.args[2], "the size of a buffer is 1 to 4096 bytes")
    end
    return T.bytes(count, "bytes")
  end,
  value = is {imm = 0},
  string = bytes_at,
}

-- An IPv4 address if it is a number, an IPv6 address if it is a pointer or a structure.
texts.ntop = {
  call = {1, 1}, usage = "ntop(number) or ntop(pointer)",
  type = function(types, node)
    local t = types:pointer(node.args[1])
    return t.kind == "int" and T.shown "ipv4" or T.bytes(16, "ipv6")
  end,
  value = function(self, node)
    return node.type.kind == "str" and {imm = 0} or self:value(node.args[1])
  end,
  string = bytes_at,
}

--- The six bytes at a pointer, as the address of a network device.
texts.macaddr = {
  call = {1, 1}, usage = "macaddr(pointer)",
  type = function(types, node)
    types:pointer(node.args[1])
    return T.bytes(6, "mac")
  end,
  value = is {imm = 0},
  string = bytes_at,
}

return texts
