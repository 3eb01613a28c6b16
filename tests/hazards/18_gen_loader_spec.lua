-- Hazard 18: libbpf crashes when it makes a loader program of struct_ops, keeps a pointer to the
-- options, and lends its result. Descriptor 0 stands for each map meanwhile. gen_loader refuses
-- struct_ops, and copies the result.
local lbpf = require "lbpf"
local needs = require "needs"

local GENERABLE = "build/bpf/generable.bpf.o"

describe("gen_loader", function()
  local object

  local function open(path)
    object = assert(lbpf.open(path))
    return object
  end

  after_each(function()
    object:close()
  end)

  it("refuses struct_ops, and leaves the object as it was", function()
    open("build/bpf/congestion.bpf.o")
    assert.error_matches(function() object:gen_loader() end,
      "^gen_loader '.-': program 'ssthresh' is struct_ops$")
    assert.is_false(object.progs.ssthresh:set_autoload(false):autoload())
  end)

  it("refuses maps that exist, or are to be pinned", needs("root", function()
    local other = assert(lbpf.open(GENERABLE))
    assert(other:load())
    local refused = "^gen_loader '.-': map 'counts' is reused, or to be pinned$"
    open(GENERABLE).maps.counts:reuse_fd(other.maps.counts)
    assert.error_matches(function() object:gen_loader() end, refused)
    object:close()
    open(GENERABLE).maps.counts:set_pin_path("/sys/fs/bpf/lbpf-never")
    assert.error_matches(function() object:gen_loader() end, refused)
    object.maps.counts:set_pin_path()
    assert.is_table(object:gen_loader())
    other:close()
  end))

  it("gives copies, that outlive the object", needs("root", function()
    local loader = open(GENERABLE):gen_loader()
    local insns, data = loader.insns, loader.data
    object:close()
    collectgarbage()
    assert.equal(0, #insns % 8)
    assert.equal("\149\0\0\0\0\0\0\0", insns:sub(-8)) -- exit
    assert.is_truthy(data:find("Dual BSD/GPL\0", 1, true))
    open(GENERABLE)
    assert.equal(insns, object:gen_loader().insns)
  end))

  it("leaves nothing but to close", needs("root", function()
    open(GENERABLE)
    assert(object:gen_loader())
    for _, name in ipairs({"load", "gen_loader"}) do
      assert.error_matches(function() object[name](object) end,
        "^object '.-' is a loader program already$")
    end
    assert.error_matches(function() object:attach() end, "is not loaded$")
    assert.error_matches(function() object.maps.counts:fd() end, "does not exist")
    assert.error_matches(function() object.maps.counts:lookup("1234") end, "does not exist")
    assert.error_matches(function() object.maps.counts:set_max_entries(1) end, "too late")
    assert.error_matches(function() object.maps[".rodata"]:initial_value() end, "does not exist")
    assert.error_matches(function() object.progs.count:fd() end, "is not loaded$")
    assert.error_matches(function() object.progs.count:set_autoload(false) end, "too late")
    assert.error_matches(function() object:pin("/sys/fs/bpf/lbpf-never") end, "is not loaded$")
  end))

  it("shows a handler no map, and takes its error", needs("root", function()
    local seen
    local id = lbpf.register_prog_handler("raw_tp/", "raw_tracepoint", nil, {
      prog_prepare_load_fn = function()
        seen = select(2, pcall(object.maps.counts.fd, object.maps.counts))
        error({"mine"})
      end})
    open(GENERABLE)
    lbpf.unregister_prog_handler(id)
    local ok, err = pcall(object.gen_loader, object)
    assert.is_false(ok)
    assert.same({"mine"}, err)
    assert.matches("^map 'counts' does not exist", seen)
    assert.error_matches(function() object:load() end, "a load has failed$")
    assert.is_string(io.popen("readlink /proc/$PPID/fd/0"):read("*l")) -- still open
  end))
end)
