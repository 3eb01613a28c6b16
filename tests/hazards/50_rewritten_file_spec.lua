-- 50: libelf maps files. If one becomes shorter meanwhile, reading it ends the process.
local child = require "child"
local needs = require "needs"

describe("hazard 50: an object file that is rewritten", function()
  -- Uses the file again and again while another process rewrites it.
  local function survives(use)
    local path = os.tmpname()
    local writer = assert(io.popen(([[
      exec timeout 5 sh -c 'while :; do cat build/bpf/compiled.bpf.o >%s; : >%s; done'
    ]]):format(path, path)))
    local output, status = child.run(([[
      local lbpf = require "lbpf"
      local path = "%s"
      local opened, refused = 0, 0
      local function count(done)
        opened, refused = opened + (done and 1 or 0), refused + (done and 0 or 1)
      end
      local finish = os.time() + 3
      while os.time() < finish do
        %s
      end
      print(opened > 0, refused > 0)
    ]]):format(path, use))
    writer:close() -- it ends by itself
    os.remove(path)
    assert.equal("true\ttrue\n", output)
    assert.equal(0, status)
  end

  it("is opened, or refused", function()
    survives "local object = lbpf.open(path) count(object) if object then object:close() end"
  end)

  it("is linked, or refused", needs("root", function()
    survives [[
      local linker = assert(lbpf.linker("/dev/null"))
      count(linker:add_file(path))
      linker:close()
    ]]
  end))
end)
