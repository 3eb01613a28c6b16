-- Tokens of C declarations, with what a header's preprocessor lines do to them: #define without
-- arguments, #undef, #ifdef, #ifndef, #else, #endif. What #include would bring is found in BTF.
--
-- A token has `kind`: "name", "number", "string", "eof", or the symbol itself; `value`; and `at`,
-- its place in the text.
local lexer = {}

local symbols = {"<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "..."}

-- An integer of C: a number where that is exact as a double, else a table with its digits.
local function integer(src, at, text)
  local digits = text:match("^(.-)[uUlL]*$")
  local hex, octal = digits:match "^0[xX](%x+)$", digits:match "^0([0-7]*)$"
  local binary = digits:match "^0[bB]([01]+)$"
  if octal or binary then
    return tonumber(octal and "0" .. octal or binary, octal and 8 or 2)
  elseif hex then
    hex = hex:gsub("^0+(%x)", "%1")
    local hi, lo = tonumber(hex:sub(1, -9), 16) or 0, tonumber(hex:sub(-8), 16)
    if #hex > 16 then
      src:fail(at, "%s does not fit into 64 bits", text)
    end
    local value = hi * 4294967296.0 + lo
    return value % 4294967296 == lo and value < 2 ^ 63 and value or {big = "0x" .. hex}
  elseif not digits:match "^%d+$" then
    src:fail(at, "'%s' is no integer", text)
  elseif #digits <= 15 then
    return tonumber(digits)
  elseif #digits > 20 or #digits == 20 and digits > "18446744073709551615" then
    src:fail(at, "%s does not fit into 64 bits", text)
  end
  return {big = digits}
end

local escapes = {n = 10, t = 9, r = 13, a = 7, b = 8, f = 12, v = 11, ["0"] = 0}

-- The number that 'x' is, and what comes after it.
local function character(src, at)
  local escaped, c, after = src.text:match("^'(\\?)([^\n])'()", at)
  if not c or (escaped == "" and (c == "'" or c == "\\")) then
    src:fail(at, "not a character")
  end
  return escaped ~= "" and escapes[c] or c:byte(), after
end

-- Where the text goes on after space and comments, in which lines of the preprocessor end.
local function skip_space(src, at)
  while true do
    at = src.text:match("^[ \t\r\f\v]*()", at)
    at = src.text:match("^\\\r?\n()", at) or at
    if src.text:sub(at, at + 1) == "//" then
      at = src.text:match("^[^\n]*()", at)
    elseif src.text:sub(at, at + 1) == "/*" then
      at = src.text:match("^/%*.-%*/()", at) or src:fail(at, "this comment does not end")
    elseif not src.text:match("^[ \t\r\f\v]", at) and not src.text:match("^\\\r?\n", at) then
      return at
    end
  end
end

-- The token at the position, and what comes after it; nil at the end of a line.
local function token_at(src, at)
  local text = src.text
  local name, after = text:match("^([%a_][%w_]*)()", at)
  if name then
    return {kind = "name", value = name, at = at}, after
  elseif text:match("^%d", at) then
    name, after = text:match("^([%w_.]+)()", at)
    return {kind = "number", value = integer(src, at, name), at = at}, after
  elseif text:match("^'", at) then
    name, after = character(src, at)
    return {kind = "number", value = name, at = at}, after
  elseif text:match('^"', at) then
    name, after = text:match('^"([^"\n]*)"()', at)
    if not name then
      src:fail(at, "this string does not end")
    end
    return {kind = "string", value = name, at = at}, after
  end
  for _, symbol in ipairs(symbols) do
    if text:sub(at, at + #symbol - 1) == symbol then
      return {kind = symbol, value = symbol, at = at}, at + #symbol
    end
  end
  name = text:match("^[%p]", at)
  if not name then
    src:fail(at, "unexpected '\\x%02x'", text:byte(at))
  end
  return {kind = name, value = name, at = at}, at + 1
end

-- The tokens up to the end of the line, and where that is.
local function line_tokens(src, at)
  local list = {}
  while true do
    at = skip_space(src, at)
    if at > #src.text or src.text:sub(at, at) == "\n" then
      return list, at
    end
    list[#list + 1], at = token_at(src, at)
  end
end

-- The preprocessor --------------------------------------------------------------------------------

-- Adds a token to a list, or what its macro stands for, at its place.
local function expand(src, macros, token, list, within)
  local macro = token.kind == "name" and macros[token.value]
  if not macro or within[token.value] then
    list[#list + 1] = token
    return
  elseif macro.has_arguments then
    src:fail(token.at, "macros with arguments are not known here: '%s'", token.value)
  end
  within[token.value] = true
  for _, t in ipairs(macro) do
    expand(src, macros, {kind = t.kind, value = t.value, at = token.at}, list, within)
  end
  within[token.value] = nil
end

local directives = {}

function directives.define(state, line, at)
  local name = line[2]
  if not name or name.kind ~= "name" then
    state.src:fail(at, "#define needs a name")
  end
  local macro = {}
  for i = 3, #line do
    macro[i - 2] = line[i]
  end
  macro.has_arguments = line[3] and line[3].kind == "(" and line[3].at == name.at + #name.value
  state.macros[name.value] = macro
end

function directives.undef(state, line, at)
  if not line[2] or line[2].kind ~= "name" then
    state.src:fail(at, "#undef needs a name")
  end
  state.macros[line[2].value] = nil
end

-- Each #if is a table in a list: is what follows read, and was it so around it?
local function begin_if(state, is_read, at)
  table.insert(state.ifs, {reads = state.reads, is_read = is_read, at = at})
  state.reads = state.reads and is_read
end

local function is_defined(state, line, at)
  if not line[2] or line[2].kind ~= "name" then
    state.src:fail(at, "#%s needs a name", line[1].value)
  end
  return state.macros[line[2].value] ~= nil
end

function directives.ifdef(state, line, at) begin_if(state, is_defined(state, line, at), at) end
function directives.ifndef(state, line, at) begin_if(state, not is_defined(state, line, at), at) end

directives["else"] = function(state, _, at)
  local open = state.ifs[#state.ifs] or state.src:fail(at, "#else without #ifdef")
  open.is_read = not open.is_read
  state.reads = open.reads and open.is_read
end

function directives.endif(state, _, at)
  local open = table.remove(state.ifs) or state.src:fail(at, "#endif without #ifdef")
  state.reads = open.reads
end

function directives.include() end

function directives.pragma(state, line, at)
  if not line[2] or line[2].value ~= "once" then
    state.src:fail(at, "this #pragma is not known here; use __attribute__")
  end
end

local conditions = {ifdef = true, ifndef = true, ["else"] = true, endif = true}

local function directive(state, at)
  local name = state.src.text:match("^#[ \t]*([%a]*)", at)
  if not state.reads and not conditions[name] and name ~= "if" and name ~= "elif" then
    return state.src.text:match("^[^\n]*()", at)
  elseif name == "include" then
    return state.src.text:match("^[^\n]*()", at)
  end
  local line, after = line_tokens(state.src, at + 1)
  if line[1] and not directives[name] then
    state.src:fail(at, "#%s is not known here", name)
  elseif line[1] then
    directives[name](state, line, at)
  end
  return after
end

--- All tokens of a source, the last of kind "eof".
function lexer.tokens(src)
  local state = {src = src, macros = {}, ifs = {}, reads = true}
  local list, at, line_begins = {}, 1, true
  while true do
    at = skip_space(src, at)
    local c = src.text:sub(at, at)
    if c == "" then
      break
    elseif c == "\n" then
      at, line_begins = at + 1, true
    elseif c == "#" and line_begins then
      at = directive(state, at)
    elseif not state.reads then
      at = src.text:match("^[^\n]*()", at)
    else
      local token
      token, at = token_at(src, at)
      expand(src, state.macros, token, list, {})
      line_begins = false
    end
  end
  if state.ifs[1] then
    src:fail(state.ifs[1].at, "#endif is missing")
  end
  list[#list + 1] = {kind = "eof", value = "the end", at = #src.text + 1}
  return list
end

return lexer
