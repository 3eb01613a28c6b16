--- Objects whose maps and links outlive the process that loaded them.
--
-- The next process, or the next configuration of the same process, takes over what is pinned in a
-- directory of a BPF file system: maps keep their contents, and programs are replaced under their
-- links atomically.
-- @module lbpf.pinned
-- @usage local pinned = require "lbpf.pinned"
-- local first = assert(pinned.load("trace.bpf.o", {pin = "/sys/fs/bpf/example"}))
-- first:close() -- or the process ends: programs stay attached, maps keep what they have
-- local next_one = assert(pinned.load("trace.bpf.o", {pin = "/sys/fs/bpf/example"})) -- takes over
-- next_one:close()
-- assert(pinned.remove("/sys/fs/bpf/example"))

local lbpf = require "lbpf"
local record = require "lbpf.pinned.record"

local pinned = {}

local ENOENT, EEXIST, EOPNOTSUPP = 2, 17, 95
local unpack = table.unpack or unpack -- luacheck: ignore 113

-- A valid file name for a BPF file system, which does not allow dots.
local function file_name(...)
  return (table.concat({...}, "-"):gsub("[^%w_-]", "_"))
end

-- The state of pinning an object: `dir`; `record`: what an earlier version pinned there; `made`: is
-- the record new, `made_dir`: the directory, too; `before`: a set of the names that were there;
-- `files`: those of this object, with their kinds; `undo`: functions that undo each step; `old`:
-- replaced programs, to be closed.
local function new_state(dir)
  local state = {dir = dir, before = {}, files = {}, undo = {}, old = {}}
  if not dir then
    return state
  end
  local message, errno
  state.made_dir, message, errno = lbpf.pin_mkdir(dir)
  if state.made_dir == nil then
    return nil, message, errno
  end
  local names
  names, message, errno = lbpf.pins(dir)
  if not names then
    return nil, message, errno
  end
  state.record, message, errno = record.open(dir)
  if errno == ENOENT and #names > 0 then
    return nil, ("'%s' has what lbpf has not pinned; an object needs a directory of its own")
      :format(dir), EEXIST
  elseif errno == ENOENT then
    state.made = true
    state.record, message, errno = record.create(dir)
  end
  if not state.record then
    if state.made_dir then
      os.remove(dir)
    end
    return nil, message, errno
  end
  for _, name in ipairs(names) do
    state.before[name] = true
  end
  return state
end

-- Writes down that the object will have a file of this name.
local function claim(state, name, kind)
  if state.before[name] and not state.record:is_own(name) then
    return nil, ("'%s/%s' is not what lbpf has pinned"):format(state.dir, name), EEXIST
  end
  if not state.before[name] then
    local claimed, message, errno = state.record:claim(name, kind)
    if not claimed then
      return nil, message, errno
    end
  end
  state.files[name] = kind
  return true
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
    if not state.files[name] and name:sub(-#item.target) == item.target
      and state.record:kind(name) == "link" and state.record:is_own(name) then
      return name
    end
  end
end

-- False if there is none that can be taken over; nil, message, errno if something else is wrong.
local function take_over_any(state, item)
  if not state.dir then
    return false
  end
  local path = state.dir .. "/" .. item.file
  if state.before[item.file] then
    return take_over(state, path, item.program) or false
  end
  local other = find_heir(state, item)
  if not other or not take_over(state, state.dir .. "/" .. other, item.program) then
    return false
  end
  local renamed, message, errno = state.record:rename(other, item.file)
  if not renamed then
    return nil, message, errno
  end
  state.before[other] = nil
  table.insert(state.undo, function() state.record:rename(item.file, other) end)
  return true
end

-- Links to perf events, and attachments that are not links in the kernel, cannot be pinned.
local function can_be_pinned(link)
  local info = type(link) == "userdata" and link:info()
  return info and info.type ~= "perf_event"
end

-- Replaces the file by the new link, which destroys the old one.
local function pin_link(state, item, link)
  local new = item.file .. "-new"
  state.record:remove(new) -- of a process that was killed
  local done, message, errno = state.record:add(new, "link")
  if done then
    done, message, errno = link:pin(state.dir .. "/" .. new)
  end
  if done then
    done, message, errno = state.record:rename(new, item.file)
  end
  if not done then
    state.record:remove(new)
    return nil, message, errno
  end
  link:destroy()
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
  local taken, message, errno = take_over_any(state, item)
  if taken ~= false then
    return taken, message, errno
  end
  local link
  link, message, errno = item.attach()
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
  for _, item in ipairs(state.dir and wanted or {}) do
    local claimed, message, errno = claim(state, item.file, "link")
    if not claimed then
      return nil, message, errno
    end
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
      local claimed, message, errno = claim(state, map:name(), "map")
      if not claimed then
        return nil, message, errno
      end
      assert(map:set_pin_path(state.dir .. "/" .. map:name()))
    end
  end
  return true
end

-- Loading and removing ------------------------------------------------------------------------

-- Completes the record, and removes links and maps of an earlier version of the object.
local function sweep(state)
  if not state.dir then
    return
  end
  for name, kind in pairs(state.files) do
    state.record:add_file(name, kind)
  end
  for _, name in ipairs(state.record:names() or {}) do
    if not state.files[name] and state.record:kind(name) ~= "state" then
      state.record:remove(name)
    end
  end
  state.record:close()
end

-- Restores what was replaced, and removes what is new.
local function roll_back(state)
  for i = #state.undo, 1, -1 do
    pcall(state.undo[i]) -- whatever else can be undone shall be
  end
  if not state.dir then
    return
  end
  if state.made then
    state.record:clear(not state.made_dir)
    return
  end
  for name in pairs(state.files) do
    if not state.before[name] then
      state.record:remove(name)
    end
  end
  state.record:close()
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
-- @tparam ?table opts `pin`: a directory in a BPF file system, for this object only; created if its
-- parent exists. lbpf records there what it pins; it replaces and removes nothing else, and takes
-- no directory that has anything else. `attach`: a list of `{program, method, arguments...}`, for
-- programs whose section names no target, such as `{"filter", "attach_xdp", "eth0"}`; the others
-- are attached as their section says. `keep`: a list of the maps to pin; by default all except
-- those of global variables. `setup`: a function that is called with the object before it is
-- loaded. `open`: the options of `lbpf.open`
-- @treturn object
-- @fails
function pinned.load(path, opts)
  opts = opts or {}
  check_options(opts)
  local object, message, errno = lbpf.open(path, opts.open)
  if not object then
    return nil, message, errno
  end
  local state
  state, message, errno = new_state(opts.pin)
  if not state then
    object:close()
    return nil, message, errno
  end
  local ran, done, why, code = pcall(function()
    if opts.setup then
      opts.setup(object)
    end
    local ready, problem, number = true
    if opts.pin then
      ready, problem, number = pin_maps(object, opts.keep, state)
    end
    if ready then
      ready, problem, number = object:load()
    end
    if not ready then
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

--- Removes what lbpf has pinned in a directory, and the directory. What has no other references is
-- detached.
-- @tparam string dir
-- @treturn boolean true, also if there is no such directory
-- @fails ENOTEMPTY if the directory has something else: that stays
function pinned.remove(dir)
  local names, message, errno = lbpf.pins(dir)
  if not names then
    return errno == ENOENT or nil, message, errno
  end
  local made
  made, message, errno = record.open(dir)
  if not made then
    if errno == ENOENT then
      return nil, ("'%s' has nothing that lbpf has pinned"):format(dir), EEXIST
    end
    return nil, message, errno
  end
  return made:clear()
end

return pinned
