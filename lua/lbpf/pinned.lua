--- Objects whose maps and links outlive the process that loaded them.
--
-- The next process, or the next configuration of the same process, takes over what is pinned in a
-- directory of a BPF file system: maps keep their contents, and programs are replaced under their
-- links atomically.
-- @module lbpf.pinned

local lbpf = require "lbpf"

local pinned = {}

local EOPNOTSUPP = 95
local unpack = table.unpack or unpack -- luacheck: ignore 113

-- A valid file name for a BPF file system, which does not allow dots.
local function file_name(...)
  return (table.concat({...}, "-"):gsub("[^%w_-]", "_"))
end

-- The state of pinning an object: `dir`; `before`: a set of the names that were there; `files`:
-- those of this object; `undo`: functions that undo each step; `old`: replaced programs, to be
-- closed.
local function new_state(dir)
  local state = {dir = dir, before = {}, files = {}, undo = {}, old = {}}
  for _, name in ipairs(dir and lbpf.pins(dir) or {}) do
    state.before[name] = true
  end
  return state
end

-- Links ---------------------------------------------------------------------------------------

-- The program that the link runs in the kernel.
local function running(link)
  local info = link:info()
  return info and lbpf.prog_get_fd_by_id(info.prog_id)
end

-- Replaces the program of the pinned link. False if the link cannot be updated.
local function take_over(state, path, prog)
  local link = lbpf.link_open(path)
  local old = link and running(link)
  local updated = old and link:update_program(prog)
  state.old[#state.old + 1] = old or nil
  if updated then
    table.insert(state.undo, function()
      local again = assert(lbpf.link_open(path))
      lbpf.link_update(again, old)
      again:destroy()
    end)
  end
  if link then
    link:destroy() -- the file keeps the link; forked processes must not inherit a descriptor
  end
  return updated
end

-- An old file of a link to the same target, whose program had another name.
local function find_heir(state, item)
  for name in pairs(state.before) do
    if not state.files[name] and name:find("^link%-")
      and name:sub(-#item.target) == item.target then
      return name
    end
  end
end

local function take_over_any(state, item)
  local path = state.dir .. "/" .. item.file
  if state.before[item.file] then
    return take_over(state, path, item.program)
  end
  local other = find_heir(state, item)
  local other_path = other and state.dir .. "/" .. other
  if not other or not take_over(state, other_path, item.program) then
    return false
  end
  assert(os.rename(other_path, path))
  state.before[other] = nil
  table.insert(state.undo, function() os.rename(path, other_path) end)
  return true
end

-- Links to perf events, and attachments that are not links in the kernel, cannot be pinned.
local function can_be_pinned(link)
  local info = type(link) == "userdata" and link:info()
  return info and info.type ~= "perf_event"
end

-- Replaces the file by the new link, which destroys the old one.
local function pin_link(state, item, link)
  local path = state.dir .. "/" .. item.file
  local new = path .. "-new"
  os.remove(new)
  local pin, message, errno = link:pin(new)
  if not pin then
    return nil, message, errno
  end
  assert(os.rename(new, path))
  link:destroy()
  if not state.before[item.file] then
    table.insert(state.undo, function() os.remove(path) end)
  end
  return true
end

-- What must be attached: `program`, `file`, `target` (the end of the file's name), `attach`.
local function attachments(object, list)
  local wanted, listed = {}, {}
  local function want(program, target, attach, by_section)
    wanted[#wanted + 1] = {
      program = program, target = target, file = file_name("link", program:name()) .. target,
      attach = attach, by_section = by_section,
    }
  end
  for _, item in ipairs(list or {}) do
    local program = object.progs[item[1]]
    listed[item[1]] = true
    want(program, "-" .. file_name(unpack(item, 2)), function()
      return program[item[2]](program, unpack(item, 3))
    end)
  end
  for program in object:each_program() do
    if not listed[program:name()] and program:autoload() and program:autoattach() then
      want(program, "-" .. file_name(program:section_name()), function()
        return program:attach()
      end, true)
    end
  end
  return wanted
end

local function attach_one(state, item)
  if state.dir and take_over_any(state, item) then
    return true
  end
  local link, message, errno = item.attach()
  if not link then
    -- a section without a target: the program is called by something else
    return item.by_section and errno == EOPNOTSUPP or nil, message, errno
  end
  if state.dir and can_be_pinned(link) then
    return pin_link(state, item, link)
  end
  return true
end

local function attach_all(object, list, state)
  local wanted = attachments(object, list)
  for _, item in ipairs(wanted) do
    state.files[item.file] = true
  end
  for _, item in ipairs(wanted) do
    local attached, message, errno = attach_one(state, item)
    if not attached then
      return nil, message, errno
    end
  end
  return true
end

-- Maps ----------------------------------------------------------------------------------------

-- Internal maps have the variables of one version of the program: they are not kept.
local function is_kept(map, keep)
  if map:is_internal() or map:type() == "struct_ops" then
    return false
  end
  return not keep or keep[map:name()]
end

local function pin_maps(object, list, state)
  local keep
  for _, name in ipairs(list or {}) do
    keep = keep or {}
    keep[name] = object.maps[name] and true
  end
  for map in object:each_map() do
    if is_kept(map, keep) then
      assert(map:set_pin_path(state.dir .. "/" .. map:name()))
      state.files[map:name()] = true
    end
  end
end

-- Loading and removing ------------------------------------------------------------------------

-- Removes links and maps of an earlier version of the object.
local function sweep(state)
  for name in pairs(state.before) do
    if not state.files[name] and not name:find("^state%-") then
      os.remove(state.dir .. "/" .. name)
    end
  end
end

-- Restores what was replaced, and removes what is new.
local function roll_back(state)
  for i = #state.undo, 1, -1 do
    state.undo[i]()
  end
  for name in pairs(state.files) do
    if state.dir and not state.before[name] then
      os.remove(state.dir .. "/" .. name)
    end
  end
  if state.dir and not next(state.before) then
    os.remove(state.dir)
  end
end

local function check_options(opts)
  local known = {attach = "table", keep = "table", open = "table", pin = "string",
    setup = "function"}
  for name, value in pairs(opts) do
    if not known[name] then
      error(("unknown option '%s'; expected one of: attach, keep, open, pin, setup"):format(name),
        3)
    elseif type(value) ~= known[name] then
      error(("option '%s' must be a %s, not %s"):format(name, known[name], type(value)), 3)
    end
  end
end

--- Opens, loads and attaches an object, and takes over what is pinned already.
--
-- A pinned link gets the new program atomically, by link:update_program(). If a link cannot be
-- updated, the new one is attached before the old one is destroyed. Links to perf events (kprobe,
-- tracepoint, uprobe, USDT) end with their process: the object owns them. If anything fails, what
-- was replaced is restored.
--
-- When it returns, this process has no descriptor of a program or of a pinned link: processes
-- forked from it can only use the maps.
-- @tparam string path of the compiled object
-- @tparam ?table opts `pin`: a directory in a BPF file system, for this object only; created if
-- its parent exists. `attach`: a list of `{program, method, arguments...}`, for programs whose
-- section names no target, such as `{"filter", "attach_xdp", "eth0"}`; the others are attached as
-- their section says. `keep`: a list of the maps to pin; by default all except those of global
-- variables. `setup`: a function that is called with the object before it is loaded. `open`: the
-- options of `lbpf.open`
-- @treturn object
-- @fails
function pinned.load(path, opts)
  opts = opts or {}
  check_options(opts)
  local object, message, errno = lbpf.open(path, opts.open)
  if not object then
    return nil, message, errno
  end
  local state = new_state(opts.pin)
  local ran, done, why, code = pcall(function()
    if opts.setup then
      opts.setup(object)
    end
    if opts.pin then
      pin_maps(object, opts.keep, state)
    end
    local loaded, problem, number = object:load()
    if not loaded then
      return nil, problem, number
    end
    return attach_all(object, opts.attach, state)
  end)
  if ran and done then
    sweep(state)
    object:close_program_fds()
  else
    roll_back(state)
    object:close()
  end
  for _, fd in ipairs(state.old) do
    fd:close()
  end
  if not ran then
    error(done, 0)
  end
  return done and object or nil, why, code
end

--- Removes a directory and everything pinned in it. What has no other references is detached.
-- @tparam string dir
-- @treturn boolean true, also if there is no such directory
-- @fails
function pinned.remove(dir)
  local names, message, errno = lbpf.pins(dir)
  if not names then
    if errno == 2 then
      return true
    end
    return nil, message, errno
  end
  for _, name in ipairs(names) do
    os.remove(dir .. "/" .. name)
  end
  return os.remove(dir)
end

return pinned
