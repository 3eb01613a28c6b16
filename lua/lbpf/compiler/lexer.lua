-- Tokens of Lua 5.4.
--
-- A token has `kind`: "name", "number", "string", "eof", or the keyword or symbol itself; `value`;
-- `at` and `stop`: where it begins, and what comes after it.
local int64 = require "lbpf.compiler.int64"

local lexer = {}
lexer.__index = lexer

local keywords = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat "
  .. "return then true until while"):gmatch "%a+" do
  keywords[word] = true
end

local symbols = {} -- by length
for text in ("... .. == ~= <= >= // << >> :: + - * / % ^ # & ~ | < > = ( ) { } [ ] ; : , .")
  :gmatch "%S+" do
  symbols[text] = #text
end

local escapes = {a = "\a", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v",
  ["\\"] = "\\", ['"'] = '"', ["'"] = "'", ["\n"] = "\n"}

--- @param src a source
--- @param at where to begin; nothing is read beyond the last token that was asked for
function lexer.new(src, at)
  return setmetatable({source = src, text = src.text, at = at or 1}, lexer)
end

-- The contents of [[...]] or [==[...]==] at the position, and what comes after; nil if none begins.
function lexer:long_bracket(at)
  local level = self.text:match("^%[(=*)%[", at)
  if not level then
    return nil
  end
  local start = at + #level + 2
  local _, first = self.text:find("^\r?\n", start)
  local stop, after = self.text:find("]" .. level .. "]", start, true)
  if not stop then
    self.source:fail(at, "this is not closed: ']%s]' is missing", level)
  end
  return self.text:sub((first or start - 1) + 1, stop - 1), after + 1
end

function lexer:skip_space()
  while true do
    self.at = self.text:match("^%s*()", self.at)
    if self.text:sub(self.at, self.at + 1) ~= "--" then
      return
    end
    local _, after = self:long_bracket(self.at + 2)
    self.at = after or self.text:match("^[^\n]*()", self.at)
  end
end

local function utf8(code)
  if code < 0x80 then
    return string.char(code)
  end
  local tail, limit = "", 0x40
  repeat
    tail = string.char(0x80 + code % 0x40) .. tail
    code, limit = math.floor(code / 0x40), limit / 2
  until code < limit
  return string.char(0x100 - limit * 2 + code) .. tail
end

-- The character that an escape at the position means, and what comes after it.
function lexer:escape(at)
  local text = self.text
  local c = text:sub(at + 1, at + 1)
  if escapes[c] then
    return escapes[c], at + 2
  elseif c == "z" then
    return "", text:match("^%s*()", at + 2)
  end
  local digits, after = text:match("^x(%x%x)()", at + 1)
  if digits then
    return string.char(tonumber(digits, 16)), after
  end
  digits, after = text:match("^(%d%d?%d?)()", at + 1)
  if digits and tonumber(digits) < 256 then
    return string.char(tonumber(digits)), after
  end
  digits, after = text:match("^u{(%x+)}()", at + 1)
  if digits and #digits <= 8 and tonumber(digits, 16) < 0x80000000 then
    return utf8(tonumber(digits, 16)), after
  end
  self.source:fail(at, "invalid escape '\\%s' in a string", c)
end

function lexer:quoted(at, quote)
  local out, pos = {}, at + 1
  while true do
    local plain, after = self.text:match("^([^\\\n\"']+)()", pos)
    if plain then
      out[#out + 1], pos = plain, after
    else
      local c = self.text:sub(pos, pos)
      if c == quote then
        return table.concat(out), pos + 1
      elseif c == "" or c == "\n" then
        self.source:fail(at, "this string is not closed")
      elseif c == "\\" then
        out[#out + 1], pos = self:escape(pos)
      else
        out[#out + 1], pos = c, pos + 1
      end
    end
  end
end

function lexer:number(at)
  local text, after = self.text:match("^(0[xX]%x+)()", at)
  if not text then
    text, after = self.text:match("^(%d+)()", at)
  end
  after = self.text:match("^[uU]?[lL][lL]()", after) or after -- LuaJIT's, in a function
  local rest = self.text:match("^[%w_.]+", after)
  if rest and rest:sub(1, 2) ~= ".." then
    self.source:fail(at, rest:match "^[%.eEpP]"
      and "a BPF program has no fractions: '%s'; use whole numbers, "
      .. "as in nanoseconds" or "malformed number '%s'", text .. rest)
  end
  local value = int64.parse(text)
  if not value then
    self.source:fail(at, "%s does not fit into 64 bits, signed; write it in hexadecimal", text)
  end
  return value, after
end

--- The next token.
function lexer:next()
  self:skip_space()
  local text, at = self.text, self.at
  local token = {at = at}
  local name, after = text:match("^([%a_][%w_]*)()", at)
  local c = text:sub(at, at)
  if name then
    token.kind, token.value, token.stop = keywords[name] and name or "name", name, after
  elseif c:match "%d" or text:match("^%.%d", at) then
    if c == "." then
      self.source:fail(at, "a BPF program has no fractions")
    end
    token.kind, token.value, token.stop = "number", self:number(at)
  elseif c == '"' or c == "'" then
    token.kind, token.value, token.stop = "string", self:quoted(at, c)
  elseif at > #text then
    token.kind, token.value, token.stop = "eof", "the end", at
  else
    local value, stop = self:long_bracket(at)
    if value then
      token.kind, token.value, token.stop = "string", value, stop
    else
      local length = symbols[text:sub(at, at + 2)] or symbols[text:sub(at, at + 1)] or symbols[c]
      if not length then
        self.source:fail(at, "unexpected '%s'", c:match "%g" or ("\\x%02x"):format(c:byte()))
      end
      token.kind, token.stop = text:sub(at, at + length - 1), at + length
      token.value = token.kind
    end
  end
  self.at = token.stop
  return token
end

return lexer
