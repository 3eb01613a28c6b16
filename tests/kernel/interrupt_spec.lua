-- Signals end scripts as they end other tools: lbpf.interruptible, and lbpf run.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"

local HUP, INT, PIPE, TERM = 1, 2, 13, 15

-- Runs a script by lbpf run, and once it has printed "ready" a command of the shell's, for which
-- $pid is its process. Signals are as in a terminal, also where nohup runs the tests. Returns what
-- it printed after that, and its exit status: of a signal its number and 128.
local function run(script, command)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  local output, status = child.output(([[
    env --default-signal=HUP,INT,PIPE,TERM %s bin/lbpf run %s >%s.out 2>&1 &
    pid=$!
    for i in $(seq 2000); do ! grep -q ready %s.out || break; sleep 0.01; done
    %s
    (sleep 30; kill -KILL $pid) >/dev/null 2>&1 &
    guard=$!
    { wait $pid; } 2>/dev/null
    status=$?
    kill $guard
    grep -v ready %s.out
    exit $status]]):format(os.getenv("LBPF_LUA"), path, path, path, command, path))
  os.remove(path)
  os.remove(path .. ".out")
  return output, status
end

-- What closes says so, in all Luas.
local CLOSES = [[
  local closes
  if newproxy then
    closes = newproxy(true)
    getmetatable(closes).__gc = function() print "collected" end
  else
    closes = setmetatable({}, {__gc = function() print "collected" end})
  end
]]

local POLL = CLOSES .. [[
  local lbpf = require "lbpf"
  local object = assert(lbpf.open "build/bpf/ring.bpf.o")
  assert(object:load())
  local ring = assert(lbpf.ring_buffer(object.maps.first, print))
  print "ready"
]]

describe("lbpf run", function()
  it("ends a loop that polls by SIGINT, SIGTERM and SIGHUP, and closes what it has",
    needs({"root", "argparse"}, function()
      for name, number in pairs {INT = INT, TERM = TERM, HUP = HUP} do
        assert.same({"collected\n", 128 + number},
          {run(POLL .. "while true do ring:poll(200) end", ("kill -%s $pid"):format(name))})
      end
    end))

  it("takes two signals at once, as timeout(1) sends them, for one",
    needs({"root", "argparse"}, function()
      assert.same({"collected\n", 128 + INT},
        {run(POLL .. "while true do ring:poll(200) end", "kill -INT $pid $pid")})
    end))

  it("ends a script that goes on after errors, and one in a coroutine",
    needs({"root", "argparse"}, function()
      assert.same({"collected\n", 128 + INT},
        {run(POLL .. "while true do pcall(ring.poll, ring, 200) end", "kill -INT $pid")})
      assert.same({"collected\n", 128 + TERM}, {run(POLL .. [[
        coroutine.wrap(function() while true do ring:poll(200) end end)()]], "kill -TERM $pid")})
    end))

  it("runs what cleans up", needs({"root", "argparse"}, function()
    assert.same({"false\ncollected\n", 128 + TERM}, {run(POLL .. [[
      print((pcall(function() while true do ring:poll(200) end end)))]], "kill -TERM $pid")})
  end))

  it("ends a loop that calls nothing, at the second signal if that is compiled",
    needs({"argparse"}, function()
      local _, status = run("print 'ready' while true do end",
        "sleep 0.3; kill -INT $pid; sleep 0.7; kill -INT $pid 2>/dev/null")
      assert.equal(128 + INT, status)
    end))

  it("leaves SIGINT to lbpf.run, and shows the summary though it comes twice",
    needs({"argparse"}, function()
      assert.same({"INT\nsummary\n", 0}, {run([[
        local ready
        print(require("lbpf").run {every = {[0.01] = function()
          ready = ready or print "ready" or true
        end}})
        for _ = 1, 1e7 do end
        print "summary"]], "kill -INT $pid $pid")})
    end))

  it("takes two signals for one also when the second comes to a script that has ended",
    needs({"argparse"}, function()
      -- Interpreters catch SIGINT themselves. Lua 5.1's gives it back before it closes its state.
      for _, name in ipairs((jit or _VERSION ~= "Lua 5.1") and {"INT", "TERM"} or {"TERM"}) do
        assert.same({name .. "\ncollected\n", 0}, {run(CLOSES:gsub('print "collected"', ([[
          io.popen("kill -%s $PPID"):close()
          %%0]]):format(name)) .. [[
          local ready
          print(require("lbpf").run {every = {[0.01] = function()
            ready = ready or print "ready" or true
          end}})]], ("kill -%s $pid"):format(name))})
      end
    end))

  it("ends when nobody reads what it prints", needs({"argparse"}, function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(CLOSES:gsub("print ", "io.stderr:write "),
      "for i = 1, 1e9 do print('line ' .. i) end")
    file:close()
    for _, ignore in ipairs {"", "trap '' PIPE;"} do
      local output = child.output(("bash -c '%s { %s bin/lbpf run %s; echo $? >&2; } | head -n 1'")
        :format(ignore:gsub("'", '"'), os.getenv("LBPF_LUA"), path))
      -- head may write its line when it has closed the pipe
      assert.matches("line 1\n", output)
      assert.not_matches("line 2", output)
      assert.matches("collected", output)
      assert.matches(("%d\n"):format(128 + PIPE), output)
      assert.not_matches("traceback", output)
    end
    os.remove(path)
  end))

  it("gives the script its arguments, and its exit status", needs({"argparse"}, function()
    local output, status = child.output(("f=$(mktemp); echo 'print(arg[1], ...) os.exit(3)' >$f;"
      .. " %s bin/lbpf run $f -x --help; s=$?; rm $f; exit $s"):format(os.getenv("LBPF_LUA")))
    assert.same({"-x\t-x\t--help\n", 3}, {output, status})
  end))

  it("tells where a script's error is, without its own calls", needs({"argparse"}, function()
    local output, status = child.output(("f=$(mktemp); echo 'local x = nil + 1' >$f;"
      .. " %s bin/lbpf run $f; s=$?; rm $f; exit $s"):format(os.getenv("LBPF_LUA")))
    assert.equal(1, status)
    assert.matches("^lbpf: /tmp/[^:]*:1: attempt to perform arithmetic on a nil value", output)
    assert.matches("in main chunk", output)
    assert.not_matches("xpcall", output)
    assert.not_matches("bin/lbpf", output)
  end))
end)

describe("lbpf.interruptible", function()
  it("returns what the function returns, and raises its error", function()
    assert.same({nil, 1, nil, 3}, {lbpf.interruptible(function(...) return ... end, 1, nil, 3)})
    local problem = {}
    local ok, message = pcall(lbpf.interruptible, error, problem)
    assert.is_false(ok)
    assert.equal(problem, message)
  end)

  it("can be called within itself", function()
    assert.same({nil, nil, 1}, {lbpf.interruptible(lbpf.interruptible, function() return 1 end)})
    local _, ok, message = lbpf.interruptible(pcall, lbpf.interruptible, error, "inner")
    assert.same({false, "inner"}, {ok, message})
  end)

  it("gives signals back", function()
    local output, status = child.run([[
      local lbpf = require "lbpf"
      lbpf.interruptible(function() end)
      local pid = io.open("/proc/self/stat"):read("*l"):match("^%d+")
      os.execute("kill -TERM " .. pid)
      while true do end
    ]])
    assert.same({"", 128 + TERM}, {(output:gsub("Terminated.*", "")), status})
  end)
end)
