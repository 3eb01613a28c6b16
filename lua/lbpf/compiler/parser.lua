-- The syntax tree of a program. A node is a table with `tag`, `source`, `at` (a position in the
-- source's text) and what its kind has:
--
-- expressions: number {value}, string {value}, nil, true, false, name {name}, field {base, name},
--   index {base, key}, call {fn, args}, unary {op, operand}, binary {op, left, right},
--   table {items = {{name or nil, value}}}, function {params, body}
-- statements: local {names, values}, assign {targets, values}, call, do {body}, while {cond, body},
--   repeat {body, cond}, if {arms = {{cond, body}}, otherwise}, for {name, first, last, step,
-- body},
--   function {name, params, body}, return {values}, break
-- A body is a list of statements.
local lexer = require "lbpf.compiler.lexer"

local parser = {}
parser.__index = parser

local MOST_LEVELS = 180 -- of nesting, as in Lua
local MOST_LINKS = 1000 -- of a chain: a.b.c, a + b + c, elseif

-- How tightly operators bind their left and right operand.
local binary = {
  ["or"] = {1, 1}, ["and"] = {2, 2},
  ["<"] = {3, 3}, [">"] = {3, 3}, ["<="] = {3, 3}, [">="] = {3, 3}, ["~="] = {3, 3}, ["=="] = {3,
    3},
  ["|"] = {4, 4}, ["~"] = {5, 5}, ["&"] = {6, 6}, ["<<"] = {7, 7}, [">>"] = {7, 7}, [".."] = {9, 8},
  ["+"] = {10, 10}, ["-"] = {10, 10}, ["*"] = {11, 11}, ["/"] = {11, 11}, ["//"] = {11, 11},
  ["%"] = {11, 11}, ["^"] = {14, 13},
}
local UNARY = 12
local unary = {["not"] = true, ["-"] = true, ["~"] = true, ["#"] = true}

-- What Lua has and programs have not, and what to write instead.
local refused = {
  ["/"] = "'/' makes a fraction, which a BPF program does not have; '//' divides integers",
  ["^"] = "'^' makes a fraction, which a BPF program does not have; multiply, or shift",
  ["goto"] = "a BPF program has no goto; use while, for, if, break and return",
  ["::"] = "a BPF program has no labels; use while, for, if, break and return",
  ["..."] = "a BPF program has no '...'; name the arguments",
}

function parser:fail(at, ...)
  self.source:fail(at, ...)
end

function parser:refuse(token)
  if refused[token.kind] then
    self:fail(token.at, refused[token.kind])
  end
end

function parser:advance()
  local token = self.token
  self.stop = token.stop
  self.token = self.ahead or self.lexer:next()
  self.ahead = nil
  return token
end

function parser:peek()
  self.ahead = self.ahead or self.lexer:next()
  return self.ahead.kind
end

function parser:take(kind)
  if self.token.kind == kind then
    return self:advance()
  end
end

function parser:unexpected(what)
  self:refuse(self.token)
  self:fail(self.token.at, "%s expected near '%s'", what, tostring(self.token.kind == "number"
    and self.source.text:sub(self.token.at, self.token.stop - 1) or self.token.value))
end

--- OPENED: the token that this closes, if it is not on the same line.
function parser:need(kind, opened)
  local token = self:take(kind)
  if not token then
    local what = kind == "name" and "a name" or "'" .. kind .. "'"
    if opened then
      what = ("%s (to close '%s' in line %d)"):format(what, opened.kind,
        (self.source:locate(opened.at)))
    end
    self:unexpected(what)
  end
  return token
end

function parser:node(tag, at, fields)
  fields.tag, fields.at, fields.source = tag, at, self.source
  return fields
end

function parser:deeper()
  self.depth = self.depth + 1
  if self.depth > MOST_LEVELS then
    self:fail(self.token.at, "too many levels of nesting")
  end
end

-- The N-th link of a chain: phases that follow it need a stack.
function parser:link(n)
  if n > MOST_LINKS then
    self:fail(self.token.at, "this is too long; use variables for its parts")
  end
  return n + 1
end

function parser:list()
  local items = {}
  repeat
    items[#items + 1] = self:expression(0)
  until not self:take(",")
  return items
end

function parser:arguments()
  local open = self.token
  if self:take("(") then
    if self:take(")") then
      return {}
    end
    local args = self:list()
    self:need(")", open)
    return args
  elseif open.kind == "string" then
    self:advance()
    return {self:node("string", open.at, {value = open.value})}
  end
  return {self:table()}
end

function parser:table()
  local open, items = self:need("{"), {}
  while self.token.kind ~= "}" do
    local name
    if self.token.kind == "[" then
      self:fail(self.token.at, "only names are keys here: {name = value}")
    elseif self.token.kind == "name" and self:peek() == "=" then
      name = self:advance().value
      self:advance()
    end
    items[#items + 1] = {name = name, value = self:expression(0)}
    if not self:take(",") and not self:take(";") then
      break
    end
  end
  self:need("}", open)
  return self:node("table", open.at, {items = items})
end

function parser:primary()
  local token = self.token
  if token.kind == "name" then
    self:advance()
    return self:node("name", token.at, {name = token.value})
  elseif self:take("(") then
    local e = self:expression(0)
    self:need(")", token)
    return e
  end
  self:unexpected("an expression")
end

function parser:suffixed()
  local e, links = self:primary(), 1
  while true do
    local token = self.token
    links = self:link(links)
    if self:take(".") then
      -- a structure's member may be called as a keyword is
      local name = self.token.kind:match "^%a+$" and type(self.token.value) == "string"
        and self.token.kind ~= "string" and self.token.kind ~= "eof" and self:advance()
          or self:need("name")
      e = self:node("field", name.at, {base = e, name = name.value})
    elseif self:take("[") then
      e = self:node("index", e.at, {base = e, key = self:expression(0)})
      self:need("]", token)
    elseif token.kind == ":" then
      self:fail(token.at, "a BPF program has no methods: f(x) instead of x:f()")
    elseif token.kind == "(" or token.kind == "{" or token.kind == "string" then
      e = self:node("call", e.at, {fn = e, args = self:arguments()})
    else
      return e
    end
  end
end

function parser:simple()
  local token = self.token
  if token.kind == "number" or token.kind == "string" then
    self:advance()
    return self:node(token.kind, token.at, {value = token.value})
  elseif token.kind == "nil" or token.kind == "true" or token.kind == "false" then
    self:advance()
    return self:node(token.kind, token.at, {})
  elseif token.kind == "{" then
    return self:table()
  elseif token.kind == "function" then
    self:advance()
    return self:function_body(token)
  end
  return self:suffixed()
end

function parser:expression(limit)
  self:deeper()
  local token = self.token
  local left
  self:refuse(token)
  if unary[token.kind] then
    self:advance()
    left = self:node("unary", token.at, {op = token.kind, operand = self:expression(UNARY)})
  else
    left = self:simple()
  end
  local links = 1
  while true do
    links = self:link(links)
    local op = self.token
    local power = binary[op.kind]
    if not power or power[1] <= limit then
      break
    end
    self:refuse(op)
    self:advance()
    left = self:node("binary", op.at, {op = op.kind, left = left,
      right = self:expression(power[2])})
  end
  self.depth = self.depth - 1
  return left
end

function parser:function_body(token)
  local params = {}
  local open = self:need("(")
  if not self:take(")") then
    repeat
      self:refuse(self.token)
      params[#params + 1] = self:need("name").value
    until not self:take(",")
    self:need(")", open)
  end
  local body = self:block()
  self:need_end(token)
  return self:node("function", token.at, {params = params, body = body})
end

-- The last `end` is left unread: what comes after a function is none of the compiler's business.
function parser:need_end(token)
  if self.depth == 0 and self.only_function and self.token.kind == "end" then
    self.stop = self.token.stop
    return
  end
  self:need("end", token)
end

-- Statements -----------------------------------------------------------------------------------

local statements = {}

statements["if"] = function(self, token)
  local arms, otherwise = {}, nil
  repeat
    self:link(#arms + 1)
    local cond = self:expression(0)
    self:need("then")
    arms[#arms + 1] = {cond = cond, body = self:block()}
  until not self:take("elseif")
  if self:take("else") then
    otherwise = self:block()
  end
  self:need("end", token)
  return self:node("if", token.at, {arms = arms, otherwise = otherwise})
end

statements["while"] = function(self, token)
  local cond = self:expression(0)
  self:need("do")
  local body = self:block()
  self:need("end", token)
  return self:node("while", token.at, {cond = cond, body = body})
end

statements["repeat"] = function(self, token)
  local body = self:block()
  self:need("until", token)
  return self:node("repeat", token.at, {body = body, cond = self:expression(0)})
end

statements["do"] = function(self, token)
  local body = self:block()
  self:need("end", token)
  return self:node("do", token.at, {body = body})
end

statements["for"] = function(self, token)
  local name = self:need("name").value
  if self.token.kind == "in" or self.token.kind == "," then
    self:fail(self.token.at, "a BPF program has no iterators; use 'for i = first, last do'")
  end
  self:need("=")
  local first = self:expression(0)
  self:need(",")
  local last = self:expression(0)
  local step = self:take(",") and self:expression(0) or nil
  self:need("do")
  local body = self:block()
  self:need("end", token)
  return self:node("for", token.at, {name = name, first = first, last = last, step = step,
    body = body})
end

statements["function"] = function(self, token)
  self:fail(token.at, "functions of a program are local: 'local function %s'",
    self.token.kind == "name" and self.token.value or "f")
end

statements["local"] = function(self, token)
  if self:take("function") then
    local name = self:need("name").value
    local fn = self:function_body(token)
    fn.name = name
    return fn
  end
  local names = {}
  repeat
    names[#names + 1] = self:need("name").value
    if self:take("<") then
      local attribute = self:need("name")
      if attribute.value ~= "const" then
        self:fail(attribute.at, "unknown attribute '%s'; there is <const>", attribute.value)
      end
      self:need(">")
    end
  until not self:take(",")
  return self:node("local", token.at, {names = names, values = self:take("=") and self:list()
    or {}})
end

statements["return"] = function(self, token)
  local values = {}
  if not self:ends_block() and self.token.kind ~= ";" then
    values = self:list()
  end
  self:take(";")
  if not self:ends_block() then
    self:unexpected("'end' after return")
  end
  return self:node("return", token.at, {values = values})
end

statements["break"] = function(self, token)
  return self:node("break", token.at, {})
end

function parser:ends_block()
  local kind = self.token.kind
  return kind == "eof" or kind == "end" or kind == "else" or kind == "elseif" or kind == "until"
end

function parser:statement()
  local token = self.token
  self:refuse(token)
  if statements[token.kind] then
    self:advance()
    return statements[token.kind](self, token)
  end
  local e = self:suffixed()
  if self.token.kind == "=" or self.token.kind == "," then
    local targets = {e}
    while self:take(",") do
      targets[#targets + 1] = self:suffixed()
    end
    self:need("=")
    for _, target in ipairs(targets) do
      if target.tag ~= "name" and target.tag ~= "index" then
        self:fail(target.at, target.tag == "field"
          and "a program reads the kernel's memory, and does not write it"
          or "cannot assign to this")
      end
    end
    return self:node("assign", e.at, {targets = targets, values = self:list()})
  elseif e.tag ~= "call" then
    self:unexpected("'=' or a call")
  end
  return e
end

function parser:block()
  self:deeper()
  local body = {}
  while not self:ends_block() do
    if not self:take(";") then
      body[#body + 1] = self:statement()
    end
  end
  self.depth = self.depth - 1
  return body
end

local function new(src, at)
  local self = setmetatable({source = src, lexer = lexer.new(src, at), depth = 0}, parser)
  self.token = self.lexer:next()
  return self
end

local M = {}

--- The program of a source: a function node without parameters.
function M.program(src)
  local self = new(src)
  local body = self:block()
  if self.token.kind ~= "eof" then
    self:unexpected("the end")
  end
  return self:node("function", 1, {params = {}, body = body})
end

--- The function whose `function` or `local function` is at a position, and where its text ends.
function M.function_at(src, at)
  local self = new(src, at)
  self.only_function = true
  local token = self:need("function")
  if self.token.kind == "name" then -- function a.b:c() declares it elsewhere
    while self.token.kind ~= "(" and self.token.kind ~= "eof" do
      self:advance()
    end
  end
  return self:function_body(token), self.stop
end

return M
