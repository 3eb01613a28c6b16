--- What a spec needs of the machine: `it("...", needs("fprobe", function() ... end))`.
--
-- Where a need is not met the spec is skipped, and says why. tests/cells/CELL lists what is
-- expected to be missing in the cell that runs, and tests/cells/LUA, if it is there, what that Lua
-- lacks; any other miss fails, and so does a need that is met although a list says it is missing.

local getfenv = require "busted.compatibility".getfenv
local lbpf = require "lbpf"

local function exists(path)
  local f = io.open(path)
  if f then
    f:close()
  end
  return f ~= nil
end

local function read(path)
  local f = io.open(path)
  local text = f and f:read("*a") or ""
  if f then
    f:close()
  end
  return text
end

local function at_least(have, want)
  local major, minor = have:match("(%d+)%.(%d+)")
  local want_major, want_minor = want:match("(%d+)%.(%d+)")
  major, want_major = tonumber(major), tonumber(want_major)
  return major > want_major
    or major == want_major and tonumber(minor) >= tonumber(want_minor)
end

local probes = {
  root = function()
    return read("/proc/self/status"):match("Uid:%s+%d+%s+(%d+)") == "0"
  end,
  tracefs = function()
    return exists("/sys/kernel/tracing/events")
  end,
  kprobes = function()
    return exists("/sys/bus/event_source/devices/kprobe/type")
  end,
  fprobe = function()
    return read("/proc/kallsyms"):find(" register_fprobe\n", 1, true) ~= nil
  end,
  -- A kernel that has them may still refuse: only a try tells.
  trampolines = function()
    local obj = assert(lbpf.open("build/bpf/programs.bpf.o"))
    local program = obj.progs.fourth
    local loads = program:set_expected_attach_type("trace_fentry"):set_attach_target(0, "vfs_read")
      and program:set_autoload(true) and obj:load()
    obj:close()
    return loads
  end,
  clang = function()
    local status = os.execute("clang --version >/dev/null 2>&1")
    return status == true or status == 0
  end,
  cqueues = function()
    return pcall(require, "cqueues")
  end,
  luv = function()
    return pcall(require, "luv")
  end,
  netkit = function()
    return read("/proc/kallsyms"):find(" netkit_link_attach\n", 1, true) ~= nil
  end,
  lsm = function()
    return read("/sys/kernel/security/lsm"):find("%f[%w]bpf%f[%W]") ~= nil
  end,
  -- Two processes that race for one map can take minutes under software emulation.
  native = function()
    return not read("/proc/cpuinfo"):find("QEMU", 1, true)
  end,
  -- Integers of 64 bits, other than numbers that round them.
  ["64 bits"] = function()
    return math.type ~= nil or jit ~= nil -- luacheck: globals jit
  end,
  libbpf = function(version)
    return at_least(lbpf.version_string(), version)
  end,
  kernel = function(version)
    return at_least(read("/proc/sys/kernel/osrelease"), version)
  end,
}

local cell = os.getenv("LBPF_CELL") or "host"
local missing = {}

local function expect(list)
  for line in io.lines("tests/cells/" .. list) do
    local need = line:match("^([^#]-)%s*$") or line:match("^([^#]-)%s*#")
    if need and need ~= "" then
      missing[need] = true
    end
  end
end

expect(cell)
local lua = os.getenv("LBPF_LUA")
if lua and exists("tests/cells/" .. lua) then
  expect(lua)
end

local known = {}

local function is_met(need)
  if known[need] == nil then
    local name, version = need:match("^(%S+)%s*(.*)$")
    known[need] = (probes[need] or probes[name])(version) and true or false
  end
  return known[need]
end

--- @param list one need or a list: "root", "kprobes", "fprobe", "libbpf 1.5", "kernel 6.10"
return function(list, test)
  return function()
    for _, need in ipairs(type(list) == "table" and list or {list}) do
      local met = is_met(need)
      if met and missing[need] then
        error(("tests/cells/%s says that '%s' is missing, but it is there"):format(cell, need), 0)
      elseif not met and not missing[need] then
        error(("'%s' is missing, and tests/cells/%s does not expect that"):format(need, cell), 0)
      elseif not met then
        getfenv(test).pending("needs " .. need) -- busted gives it to the spec file alone
      end
    end
    return test()
  end
end
