-- Functions of the kernel and its modules that programs may call by their names, with types from
-- BTF: kfuncs. Which of them a program of its kind may call, the verifier decides.
local T = require "lbpf.compiler.type"
local fail = require("lbpf.compiler.source").fail_at
local modules = require "lbpf.compiler.modules"

local MOST_PARAMETERS = 5 -- that instructions can pass

local unpack = table.unpack or unpack -- luacheck: ignore 113 143

local kfuncs = {}

-- How an argument is passed: "number"; "pointer": the verifier must know it; "any": also a string,
-- or an address of which it knows nothing; nil: in a way that programs have not.
local function passing(kernel, param)
  local t = kernel:resolve(param.type)
  local name = param.name or ""
  if t.kind == "int" or t.kind == "enum" or t.kind == "enum64" then
    return t.size <= 8 and "number" or nil
  elseif t.kind ~= "ptr" then
    return nil
  elseif name:find "__ign$" then
    return "any"
  end
  local to = kernel:resolve(t.type).kind
  return (to == "struct" or to == "union" or to == "fwd" or to == "void") and "pointer" or nil
end

local check = {}

function check.number(types, arg)
  types:number(arg)
end

function check.any(types, arg)
  local t = types:expression(arg)
  if t.kind ~= "str" then
    types:pointer(arg)
  end
end

function check.pointer(types, arg, name)
  local t = types:pointer(arg)
  if t.kind ~= "unknown" and not t.known and t.space ~= "ctx" then
    fail(arg, "'%s' takes a pointer that the verifier knows: from args of fentry, fexit, tp_btf,"
      .. " lsm and iter, from curtask, or from another such function", name)
  end
end

-- An argument as code:call() takes it.
local function operand(self, arg)
  local c = self.code
  if arg.type.kind ~= "str" then
    return c:mov(c:reg(), self:value(arg))
  end
  local slot = c:slot(arg.type.size)
  local flag = self:string_into(arg, slot, 0, arg.type.size, false)
  self:branch_absent(flag, flag and self:problem(arg, "this string is nil"))
  return {slot = slot}
end

-- The type of what is returned, for a program with the types of OWN.
local function type_of_result(kernel, own, id)
  local t = kernel:resolve(id)
  if t.kind == "void" then
    return T.void
  elseif t.kind == "ptr" then
    local to = kernel:resolve(t.type)
    local is_struct = to.kind == "struct" or to.kind == "union"
    return T.pointer(own:has(to.id or 0) and t.type or 0, "kernel", is_struct)
  end
  return T.of_btf(kernel, id, "kernel")
end

-- Of a number smaller than a register only the low bits are said.
local function narrow(c, d, t)
  if t.bool then
    return c:change("&", d, {imm = 255})
  elseif t.kind ~= "ptr" and t.size == 4 and not t.signed then
    return c:low(d)
  elseif t.kind ~= "ptr" and t.size < 4 and not t.signed then
    return c:change("&", d, {imm = 2 ^ (8 * t.size) - 1})
  end
  return t.kind ~= "ptr" and c:extend(d, t.size, t.signed) or d
end

-- "bpf_task_from_pid(pid)"
local function usage(name, params)
  local names = {}
  for i, param in ipairs(params) do
    names[i] = param.name or "arg" .. i - 1
  end
  return ("%s(%s)"):format(name, table.concat(names, ", "))
end

--- The built-in that calls a function of the kernel; nil if BTF has no function of that name.
-- @param own the types of the program's kernel
-- @param name
function kfuncs.find(own, name)
  local kernel = modules.having(own, name, "func")
  if not kernel then
    return nil
  end
  local proto, id = kernel:prototype(name)
  local kfunc = {name = name, kernel = kernel, id = id}
  local params, result = proto.params, kernel:resolve(proto.type)
  return {
    call = {#params, #params}, usage = usage(name, params),
    type = function(types, node)
      if #params > MOST_PARAMETERS then
        fail(node, "'%s' has %d parameters, and a program can pass %d", name, #params,
          MOST_PARAMETERS)
      end
      for i, arg in ipairs(node.args) do
        local way = passing(kernel, params[i])
        if not way then
          fail(arg, "'%s' takes a %s here, which a program does not have", name,
            kernel:describe(params[i].type))
        end
        check[way](types, arg, name)
      end
      local t = type_of_result(kernel, own, proto.type)
      if not t or t.kind == "place" then
        fail(node, "'%s' returns a %s, which a program cannot have", name,
          kernel:describe(proto.type))
      end
      return t
    end,
    value = function(self, node)
      local args = {}
      for i, arg in ipairs(node.args) do
        args[i] = operand(self, arg)
      end
      local d = self.code:call(kfunc, unpack(args))
      return result.kind == "void" and d or narrow(self.code, d, result)
    end,
  }
end

return kfuncs
