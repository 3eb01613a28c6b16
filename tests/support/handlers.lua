--- What the specs about SEC() handlers share: the object that they open, and tidying up. A spec
-- file that registers and opens through this says `after_each(handlers.cleanup)`.

local fds = require "fds"
local lbpf = require "lbpf"
local lfs = require "lfs"

local handlers = {path = "build/bpf/handlers.bpf.o"}

local keys = {
  abc1 = 1, abc2 = 2, custom1 = 3, custom2 = 40, xyz = 5, kprobe1 = 6, xdp1 = 7, perf1 = 8,
  raw1 = 9, connect4 = 10, nothing = 11,
}

local ids, objects = {}, {}

--- Registers a handler until the end of the spec.
function handlers.register(...)
  local id = assert(lbpf.register_prog_handler(...))
  ids[#ids + 1] = id
  return id
end

--- Leaves only the named programs to be loaded.
function handlers.only(object, ...)
  local wanted = {}
  for _, name in ipairs({...}) do
    wanted[name] = true
  end
  for prog in object:each_program() do
    prog:set_autoload(wanted[prog:name()] or false)
  end
  return object
end

--- Opens the object until the end of the spec; only the named programs will be loaded.
function handlers.open(...)
  local object = assert(lbpf.open(handlers.path))
  objects[#objects + 1] = object
  return handlers.only(object, ...)
end

function handlers.cleanup()
  for _, object in ipairs(objects) do
    object:close()
  end
  for _, id in ipairs(ids) do
    lbpf.unregister_prog_handler(id)
  end
  ids, objects = {}, {}
  lbpf.set_print(nil)
  collectgarbage()
end

--- How often a program has run; by its name, or a key.
function handlers.hits(object, name)
  return tonumber(object.maps.hits:lookup(keys[name] or name))
end

--- Does the program, attached to sys_enter, count? One system call is made to see.
function handlers.counts(object, name)
  local before = handlers.hits(object, name)
  lfs.currentdir()
  return handlers.hits(object, name) > before
end

--- An attach closure: the raw tracepoint of all system calls.
function handlers.to_sys_enter(prog)
  return prog:attach_raw_tracepoint("sys_enter")
end

--- How many file descriptors this process has open; those to "bpf-prog", if that is asked for.
function handlers.fds(of)
  return fds.count(of)
end

return handlers
