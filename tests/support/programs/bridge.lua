-- What bridge_spec runs in a program that sees libbpf's cookies, and can exchange them.
local lbpf = require "lbpf"
local path = "build/bpf/handlers.bpf.o"
local calls
local closures = {
  prog_setup_fn = function(prog, cookie)
    calls["setup " .. prog:name()] = cookie
  end,
  prog_prepare_load_fn = function(prog, _, cookie)
    calls["prepare_load " .. prog:name()] = cookie
  end,
  prog_attach_fn = function(prog, cookie)
    calls["attach " .. prog:name()] = cookie
    return prog:attach_raw_tracepoint("sys_enter")
  end,
}

local function register(sec, cookie)
  closures.cookie = cookie
  return assert(lbpf.register_prog_handler(sec, "raw_tracepoint", nil, closures))
end

-- Opens, and does no more than that with all but these programs.
local function open(...)
  calls = {}
  local object, message, errno = lbpf.open(path)
  for i = 1, object and select("#", ...) or 0 do
    calls[i] = (select(i, ...))
  end
  if object then
    for prog in object:each_program() do
      prog:set_autoload(false)
    end
    for i, name in ipairs(calls) do
      object.progs[name]:set_autoload(true)
      calls[i] = nil
    end
  end
  return object, message, errno
end

local function expect(wanted)
  for what, cookie in pairs(wanted) do
    assert(calls[what] == cookie, ("%s: %s"):format(what, tostring(calls[what])))
  end
  for what in pairs(calls) do
    assert(wanted[what], what)
  end
end

local programs = {}

function programs.cookies_exchanged()
  register("raw_tp+", "one")
  register("perf_event", "two")
  local object = open()
  expect({["setup raw1"] = "one", ["setup perf1"] = "two"})
  object:close()
  -- libbpf keeps their entries no longer: these are new ones
  object = open()
  local one, two = host.cookie("raw_tp+"), host.cookie("perf_event")
  assert(one > 0 and two > 0 and one ~= two)
  object:close()
  -- the next generation has the same slots
  object = open()
  assert(host.cookie("raw_tp+") ~= one and host.cookie("perf_event") ~= two)
  assert(host.cookie("raw_tp+") % 65536 == one % 65536)
  host.pass(host.cookie("raw_tp+"), host.cookie("perf_event"))
  host.pass(host.cookie("perf_event"), host.cookie("raw_tp+"))
  local second = open()
  expect({["setup raw1"] = "two", ["setup perf1"] = "one"})
  second:close()
  object:close()
end

function programs.loaded_and_attached()
  register("raw_tp+", "one")
  register("perf_event", "two")
  local object = open("raw1", "perf1")
  assert(object:load())
  assert(object:attach())
  expect({
    ["setup raw1"] = "one", ["prepare_load raw1"] = "one", ["attach raw1"] = "one",
    ["setup perf1"] = "two", ["prepare_load perf1"] = "two", ["attach perf1"] = "two",
  })
  object:close()
  -- set up with the one, and loaded with the other
  object = open("raw1", "perf1")
  host.pass(host.cookie("raw_tp+"), host.cookie("perf_event"))
  assert(object:load())
  assert(calls["setup raw1"] == "one" and calls["prepare_load raw1"] == "two")
end

function programs.out_of_date()
  register("raw_tp+", "one")
  local object = open()
  local old = host.cookie("raw_tp+")
  object:close()
  object = open("raw1")
  assert(host.cookie("raw_tp+") ~= old)
  host.pass(host.cookie("raw_tp+"), old)
  local second, message, errno = open()
  assert(second == nil and errno == 16, message)
  assert(message:find('SEC("raw_tp/sys_enter") was taken by another user', 1, true), message)
  expect({})
  assert(object:load())
  expect({})
end

function programs.fallback()
  register("abc", "one")
  register("abc/", "two")
  register(nil, "rest")
  local object = open("abc1", "abc2")
  assert(host.cookie() == -1)
  assert(calls["setup abc1"] == "one" and calls["setup abc2"] == "two")
  assert(calls["setup xyz"] == "rest")
  assert(object:load())
  assert(calls["prepare_load abc1"] == "one" and calls["prepare_load abc2"] == "two")
end

function programs.two_objects()
  local id = register("raw_tp+", "one")
  local first = open("raw1")
  lbpf.unregister_prog_handler(id)
  register("raw_tp/", "two")
  local cookie = host.cookie("raw_tp+")
  local second = open("raw1")
  expect({["setup raw1"] = "two"})
  assert(host.cookie("raw_tp+") == cookie and host.cookie("raw_tp/") == nil)
  assert(second:load())
  assert(calls["prepare_load raw1"] == "two")
  assert(first:load())
  assert(calls["prepare_load raw1"] == "one")
end

-- The same handler in another state, with closures of its own; what they were called with.
function programs.other_state()
  local called = ""
  assert(lbpf.register_prog_handler("raw_tp+", "raw_tracepoint", nil, {
    prog_setup_fn = function(prog, cookie)
      called = called .. "setup " .. prog:name() .. " " .. cookie .. ";"
    end,
    prog_prepare_load_fn = function(prog, _, cookie)
      called = called .. "prepare_load " .. prog:name() .. " " .. cookie
    end,
    cookie = "theirs",
  }))
  local object = assert(lbpf.open(path))
  for prog in object:each_program() do
    prog:set_autoload(prog:name() == "raw1")
  end
  assert(object:load())
  return called
end

function programs.two_states()
  register("raw_tp+", "mine")
  local object = open("raw1")
  local theirs = host.other "return require('programs.bridge').other_state()"
  assert(theirs == "setup raw1 theirs;prepare_load raw1 theirs", theirs)
  expect({["setup raw1"] = "mine"})
  assert(object:load())
  assert(calls["prepare_load raw1"] == "mine")
end

function programs.which_of_several()
  register("raw_tp+", "raw")
  local id = register("custom+", "both")
  local first = open()
  expect({["setup raw1"] = "raw", ["setup custom1"] = "both", ["setup custom2"] = "both"})
  lbpf.unregister_prog_handler(id)
  register("custom", "one")
  register("custom/", "two")
  local second = open("custom1", "custom2")
  expect({["setup raw1"] = "raw", ["setup custom1"] = "one", ["setup custom2"] = "two"})
  assert(second:load())
  assert(calls["prepare_load custom1"] == "one" and calls["prepare_load custom2"] == "two")
  first:close()
end

function programs.other_user()
  register("raw_tp+", "one")
  local object = open()
  assert(host.load(path, "raw1") == 0)
  expect({["setup raw1"] = "one"})
  object:close()
end

return programs
