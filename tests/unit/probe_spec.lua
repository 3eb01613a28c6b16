-- What lbpf says of its libbpf and of the machine, and what libbpf prints.
local lbpf = require "lbpf"

-- What libbpf makes of ENOENT, since 1.6 the number's name.

describe("the version", function()
  it("is the running libbpf's", function()
    local major, minor = lbpf.major_version(), lbpf.minor_version()
    assert.equal(("v%d.%d"):format(major, minor), lbpf.version_string():match("^v%d+%.%d+"))
    assert.is_true(major > 1 or major == 1 and minor >= 1)
  end)

  it("decides what there is", function()
    local function at_least(minor)
      return lbpf.major_version() > 1 or lbpf.minor_version() >= minor
    end
    for feature, minor in pairs({
      ["kprobe.attach_mode"] = 2, ["kprobe_multi.session"] = 5, ["kprobe_multi.unique_match"] = 1,
      ["open.bpf_token_path"] = 4, ["raw_tracepoint.cookie"] = 4,
    }) do
      assert.equal(at_least(minor), lbpf.has(feature))
    end
  end)

  it("refuses unknown features", function()
    assert.error_matches(function()
      lbpf.has("kprobe_multi.sessions")
    end, "bad argument #1 to 'has' (no such feature; expected one of: btf_dump.", 1, true)
    assert.error_matches(function()
      lbpf.has()
    end, "string expected, got no value", 1, true)
  end)
end)

describe("num_possible_cpus", function()
  it("counts what the kernel lists", function()
    local f = assert(io.open("/sys/devices/system/cpu/possible"))
    local n = 0
    for first, last in f:read("*l"):gmatch("(%d+)%-?(%d*)") do
      n = n + (tonumber(last) or tonumber(first)) - tonumber(first) + 1
    end
    f:close()
    assert.equal(n, lbpf.num_possible_cpus())
  end)
end)

describe("set_print", function()
  local function missing()
    local _, message = lbpf.link_open("no/such/file.o")
    return message
  end

  -- Hears the warnings only, of which missing() causes one.
  local function hear(fn)
    return function(level, text)
      if level == "warn" then
        fn(text)
      end
    end
  end

  after_each(function()
    lbpf.set_print(nil)
  end)

  it("gives the messages of a call, with their level", function()
    local printed = {}
    lbpf.set_print(function(level, text)
      printed[#printed + 1] = level .. ": " .. text
    end)
    missing()
    assert.same({"warn: libbpf: failed to open link at no/such/file.o: -2\n"}, printed)
  end)

  it("does not take them from the error message", function()
    local message = missing()
    lbpf.set_print(function() end)
    assert.equal(message, missing())
  end)

  it("gives messages of any length", function()
    local longest = 0
    lbpf.set_print(function(_, text)
      longest = math.max(longest, #text)
    end)
    local path = ("no/such/directory/"):rep(100)
    local _, message, _, log = lbpf.link_open(path)
    assert.is_true(longest > 1800)
    assert.equal("libbpf: failed to open link at " .. path .. ": -2\n", log)
    assert.equal(log:sub(-1601, -2), message:sub(-1600)) -- a line that long is cut
  end)

  it("returns the function before, and takes it back", function()
    local calls = {first = 0, second = 0}
    local first = hear(function()
      calls.first = calls.first + 1
    end)
    local second = hear(function()
      calls.second = calls.second + 1
    end)
    assert.is_nil(lbpf.set_print(first))
    assert.equal(first, lbpf.set_print(second))
    missing()
    assert.same({first = 0, second = 1}, calls)
    assert.equal(second, lbpf.set_print(first))
    missing()
    assert.equal(first, lbpf.set_print())
    missing()
    assert.same({first = 1, second = 1}, calls)
  end)

  it("takes functions only", function()
    assert.error_matches(function()
      lbpf.set_print("stderr")
    end, "bad argument #1 to 'set_print' (function expected, got string)", 1, true)
  end)

  it("drops what the function raises", function()
    local calls = 0
    lbpf.set_print(hear(function()
      calls = calls + 1
      error("not heard")
    end))
    assert.matches("^link_open 'no/such/file.o': No such file or directory %(ENOENT%)\n", missing())
    assert.equal(1, calls)
  end)

  it("does not come back for what the function itself does", function()
    local calls, inner = 0, nil
    lbpf.set_print(hear(function()
      calls = calls + 1
      inner = missing()
    end))
    local outer = missing()
    assert.equal(1, calls)
    assert.equal(outer, inner)
  end)
end)
