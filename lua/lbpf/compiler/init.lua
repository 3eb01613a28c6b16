--- Programs in Lua, compiled to BPF objects with the running kernel's types, without clang.
--
-- The phases: script and parser make a syntax tree, names resolves names, types infers types,
-- instructions (with values, memory and the built-ins) generates code, flow and registers optimise
-- it and allocate registers, assembler encodes it, and object writes the file.
-- @module lbpf

local builtins = require "lbpf.compiler.builtins"
local generator = require "lbpf.compiler.instructions"
local kernel = require "lbpf.compiler.kernel"
local kfuncs = require "lbpf.compiler.kfuncs"
local machine = require "lbpf.compiler.machine"
local names = require "lbpf.compiler.names"
local object = require "lbpf.compiler.object"
local parser = require "lbpf.compiler.parser"
local probes = require "lbpf.compiler.probes"
local registry = require "lbpf.compiler.registry"
local script = require "lbpf.compiler.script"
local source = require "lbpf.compiler.source"
local types = require "lbpf.compiler.types"
require "lbpf.compiler.statement_types"
require "lbpf.compiler.values"
require "lbpf.compiler.memory"
require "lbpf.compiler.strings"
require "lbpf.compiler.loops"

local KNOWN_OPTIONS = {max_entries = "number", maps = "table", ring = "number", str = "number",
  loops = "string", rounds = "number", arch = "string",
  portable = "boolean"}

local KNOWN_OF_MAPS = {max_entries = "number", type = "string", prealloc = "boolean"}

-- BEFORE comes before the name of an option.
local function check_names(opts, known, before)
  for name, value in pairs(opts) do
    if not known[name] then
      error(("unknown option '%s%s'"):format(before, tostring(name)), 5)
    elseif type(value) ~= known[name] then
      error(("option '%s%s' must be a %s, not %s"):format(before, name, known[name], type(value)),
        5)
    end
  end
end

local function check_options(opts)
  check_names(opts, KNOWN_OPTIONS, "")
  for name, of_map in pairs(opts.maps or {}) do
    if type(of_map) ~= "table" then
      error(("option 'maps.%s' must be a table, not %s"):format(tostring(name), type(of_map)), 4)
    end
    check_names(of_map, KNOWN_OF_MAPS, ("maps.%s."):format(tostring(name)))
  end
  return {
    max_entries = opts.max_entries or 4096, maps = opts.maps or {}, ring = opts.ring or 262144,
    str = opts.str or 64, loops = opts.loops or machine.loops(), rounds = opts.rounds or 1024,
    arch = opts.arch or machine.arch(), portable = opts.portable ~= false,
  }
end

-- The programs as a list of {spec, text or function}: a table's in the order of their names.
local function listed(programs)
  local list = {}
  if programs[1] ~= nil then
    for i, pair in ipairs(programs) do
      if type(pair) ~= "table" or type(pair[1]) ~= "string" then
        error(("program %d must be a pair: {\"SEC name\", function or source}"):format(i), 4)
      end
      list[i] = {spec = pair[1], text = pair[2], name = pair.name}
    end
    return list
  end
  for spec, text in pairs(programs) do
    if type(spec) ~= "string" then
      error("a program's key must be its SEC name", 4)
    end
    list[#list + 1] = {spec = spec, text = text}
  end
  table.sort(list, function(x, y) return x.spec < y.spec end)
  return list
end

-- The syntax tree of a program, and its upvalues.
local function parse(item)
  local text = item.text
  if type(text) == "function" then
    return script.of_function(text)
  elseif type(text) == "string" then
    return parser.program(source.new(item.spec, text))
  elseif type(text) == "table" and type(text.text) == "string" then
    return parser.program(source.new(text.name or item.spec, text.text, text.line))
  end
  error(("program '%s' must be a function or a string"):format(item.spec), 7)
end

local function new_env(options)
  local env = registry.new()
  env.options, env.builtins, env.kernel = options, builtins.all, kernel.running()
  local helpers -- by name
  function env.helper(name)
    if not helpers then
      helpers = {}
      local id = env.kernel and env.kernel:find("bpf_func_id", "enum")
      for _, e in ipairs(id and env.kernel:type(id).values or {}) do
        helpers[e.name:gsub("^BPF_FUNC_", "bpf_")] = e.value
      end
    end
    return helpers[name] and builtins.by_number(helpers[name])
      or env.kernel and kfuncs.find(env.kernel, name)
  end
  return env
end

local function constants_of(probe, env)
  return function(name)
    if probe.constants[name] ~= nil then
      return probe.constants[name]
    end
    local e = name:match "^%u[%u%d_]+$" and env.kernel and env.kernel:enumerator(name)
    if not e then
      return nil
    end
    -- libbpf finds an enum by its name
    local can_move = env.options.portable and env.kernel:type(e.enum).name
    return e.value, can_move and {kernel = env.kernel, enum = e.enum, index = e.index,
      kind = "enumval_value"} or nil
  end
end

local function compile(list, options)
  local env = new_env(options)
  local units, settle = {}, {}
  for i, item in ipairs(list) do
    local unit = {spec = item.spec, probe = probes.new(item.spec, env, item.name)}
    unit.fn, unit.upvalues = parse(item)
    units[i] = unit
    env.support = unit.probe.maps or env.support
    settle[i] = names.resolve(unit, {builtins = env.builtins, maps = env.maps, helper = env.helper,
      constants = constants_of(unit.probe, env)})
  end
  for i = 1, #units do
    settle[i]()
  end
  types.infer(units, env)
  local programs = {}
  for i, unit in ipairs(units) do
    programs[i] = {name = "probe_" .. i, section = unit.probe.section, spec = unit.spec,
      code = generator.generate(unit, env)}
  end
  return object(programs, env, options)
end

-- Most of this runs once. With LuaJIT's compiler on, it took 15 times as long.
local function without_jit(f, ...)
  local is_on = jit and jit.status()
  if is_on then
    jit.off()
  end
  local results = {pcall(f, ...)}
  if is_on then
    jit.on()
  end
  return results
end

-- Described in lua/lbpf/compile.lua.
return function(programs, opts)
  if type(programs) ~= "table" then
    error(("bad argument #1 to 'compile' (table expected, got %s)"):format(type(programs)), 3)
  end
  local options = check_options(opts or {})
  local list = listed(programs)
  local results = without_jit(compile, list, options)
  if results[1] then
    return results[2], results[3]
  end
  local message = source.message(results[2])
  if not message then
    error(results[2], 0)
  end
  return nil, message
end
