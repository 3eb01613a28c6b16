-- The example that lists the programs in the kernel.

local lbpf = require "lbpf"
local child = require "child"
local needs = require "needs"

local function progs(pattern)
  return child.output(("%s examples/progs/progs.lua %s"):format(os.getenv("LBPF_LUA"),
    pattern or ""))
end

describe("examples/progs", function()
  it("shows a program as the kernel knows it", needs("root", function()
    local object = assert(lbpf.open("build/bpf/testrun.bpf.o")):load()
    local stats = assert(lbpf.enable_stats())
    assert(object.progs.count:test_run({data_in = ("\0"):rep(14), ["repeat"] = 5}))
    local info = lbpf.prog_get_info_by_fd(object.progs.count)
    local output, status = progs("^count$")
    assert.equal(0, status)
    local mine = output:match(("%d: .-\n\t.-\n\t.-\n"):format(info.id))
    assert.equal(("%d: socket_filter  name count  tag %s  gpl\n"):format(info.id, info.tag),
      mine:match("^.-\n"))
    assert.matches(("\n\tloaded_at %s%%-%%d%%d%%-%%d%%dT%%S+  uid 0\n"):format(os.date("%Y")),
      (mine:gsub("  run_time_ns %d+  run_cnt 5\n", "\n")))
    assert.equal(("\txlated %dB  jited %dB  btf_id %d  map_ids %d\n"):format(info.xlated_prog_len,
      info.jited_prog_len, info.btf_id, info.map_ids[1]), mine:match("\n.-\n(.*)$"))
    stats:close()
    object:close()
  end))

  it("shows all of them", needs("root", function()
    local object = assert(lbpf.open("build/bpf/testrun.bpf.o")):load()
    local output = progs()
    for name, prog in pairs(object.progs) do
      assert.matches(("%d: %%S+  name %s  "):format(lbpf.prog_get_info_by_fd(prog).id, name),
        output)
    end
    object:close()
  end))

  it("needs root, and says so", needs("root", function()
    local output, status = child.output(
      ("setpriv --bounding-set=-all --inh-caps=-all %s examples/progs/progs.lua")
        :format(os.getenv("LBPF_LUA")))
    assert.is_true(status ~= 0)
    assert.matches("Operation not permitted %(EPERM%); this needs CAP_SYS_ADMIN", output)
  end))
end)
