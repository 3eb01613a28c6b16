-- BPF tokens: in a user namespace, what a BPF file system delegates to it.
local child = require "child"
local needs = require "needs"

local prelude = [[
  local events = require "events"
  local insns = require "insns"
  local lbpf = require "lbpf"
  local bpffs = tonumber(os.getenv("BPFFS"))
]]

local function run(script)
  return child.run(prelude .. script, "build/helpers/delegate")
end

describe("a token", function()
  local NEEDS = {"root", "libbpf 1.5", "tokens"}

  it("makes maps and loads programs where that is not allowed", needs(NEEDS, function()
    assert.equal("nil\t1\nnil\t1\nlbpf.fd\t7\n", run([[
      local map, _, errno = lbpf.map_create("array", "plain", 4, 4, 1)
      print(map, errno)
      local code = insns.returns(1)
      local prog
      prog, _, errno = lbpf.prog_load("kprobe", "plain", "GPL", code)
      print(prog, errno)
      local token = assert(lbpf.token_create(bpffs))
      map = assert(lbpf.map_create("array", "granted", 4, 4, 1, {token_fd = token,
        map_flags = 0x10000})) -- BPF_F_TOKEN_FD
      assert(lbpf.map_update(map, events.u32(0), events.u32(7)))
      assert(lbpf.prog_load("kprobe", "granted", "GPL", code, {token_fd = token,
        prog_flags = 0x10000}))
      print(tostring(token):match("^[%a.]+"),
        lbpf.map_lookup(map, events.u32(0)):byte())
    ]]))
  end))

  it("is of a file system that delegates", needs(NEEDS, function()
    assert.matches("^token_create: .*%(E%u+%)", run([[
      local file = io.open("/sys/fs/bpf")
      print((select(2, lbpf.token_create(0))))
      file:close()
    ]]))
  end))
end)
