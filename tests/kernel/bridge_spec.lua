-- What libbpf hands over to a handler's callbacks, its long cookie, is what the closures are found
-- by. Here handlers share their closures, and differ only in the script's own cookie.

local host = require "host"
local needs = require "needs"

-- Run in a program that sees libbpf's cookies, and can exchange them.
local function run(script)
  host.run([[
    local lbpf = require "lbpf"
    local path = "build/bpf/handlers.bpf.o"
    local calls
    local closures = {
      prog_setup_fn = function(prog, cookie)
        calls["setup " .. prog:name()] = cookie
      end,
      prog_prepare_load_fn = function(prog, opts, cookie)
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
  ]] .. script .. [[
    print("done")
  ]])
end

describe("The closures of a handler", function()
  it("are those that libbpf's cookie names", function()
    run([[
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
    ]])
  end)

  it("are the same when it is loaded and attached", needs("root", function()
    run([[
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
    ]])
  end))

  it("are not found by a cookie that is out of date", needs("root", function()
    run([[
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
    ]])
  end))

  it("are found by name with the fallback's", needs("root", function()
    run([[
      register("abc", "one")
      register("abc/", "two")
      register(nil, "rest")
      local object = open("abc1", "abc2")
      assert(host.cookie() == -1)
      assert(calls["setup abc1"] == "one" and calls["setup abc2"] == "two")
      assert(calls["setup xyz"] == "rest")
      assert(object:load())
      assert(calls["prepare_load abc1"] == "one" and calls["prepare_load abc2"] == "two")
    ]])
  end))
end)

describe("An entry that several handlers share", function()
  it("has for each object the closures that it was opened with", needs("root", function()
    run([[
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
    ]])
  end))

  it("has for each Lua state its own", needs("root", function()
    run([[
      register("raw_tp+", "mine")
      local object = open("raw1")
      local theirs = host.other([=[
        local lbpf = require "lbpf"
        local calls = ""
        assert(lbpf.register_prog_handler("raw_tp+", "raw_tracepoint", nil, {
          prog_setup_fn = function(prog, cookie)
            calls = calls .. "setup " .. prog:name() .. " " .. cookie .. ";"
          end,
          prog_prepare_load_fn = function(prog, opts, cookie)
            calls = calls .. "prepare_load " .. prog:name() .. " " .. cookie
          end,
          cookie = "theirs",
        }))
        local object = assert(lbpf.open("build/bpf/handlers.bpf.o"))
        for prog in object:each_program() do
          prog:set_autoload(prog:name() == "raw1")
        end
        assert(object:load())
        return calls
      ]=])
      assert(theirs == "setup raw1 theirs;prepare_load raw1 theirs", theirs)
      expect({["setup raw1"] = "mine"})
      assert(object:load())
      assert(calls["prepare_load raw1"] == "mine")
    ]])
  end))

  it("leaves it to the name which of one object's is meant", needs("root", function()
    run([[
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
    ]])
  end))
end)

describe("A program of another user of libbpf", function()
  it("that an entry takes is none of the script's", needs("root", function()
    run([[
      register("raw_tp+", "one")
      local object = open()
      assert(host.load(path, "raw1") == 0)
      expect({["setup raw1"] = "one"})
      object:close()
    ]])
  end))
end)
