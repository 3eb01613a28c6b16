-- struct_ops: a TCP congestion control in BPF, registered and removed.
local child = require "child"
local congestion = require "congestion"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

describe("a struct_ops map", function()
  local object

  local function load(name)
    object = assert(lbpf.open("build/bpf/" .. name .. ".bpf.o"))
    assert(object:load())
    return object
  end

  after_each(function()
    object:close()
    assert.is_false(congestion.is_registered())
  end)

  it("is registered until its link is destroyed", needs({"root", "btf"}, function()
    local map = load("struct_ops").maps.algorithm
    assert.is_false(congestion.is_registered())
    local link = assert(map:attach_struct_ops())
    assert.equal(link, object.links.algorithm)
    assert.equal("lbpf.link: algorithm", tostring(link))
    assert.is_true(congestion.is_registered())
    assert.is_true(link:destroy())
    assert.is_nil(object.links.algorithm)
    assert.is_false(congestion.is_registered())
  end))

  it("is registered once", needs({"root", "btf"}, function()
    local map = load("struct_ops").maps.algorithm
    local link = assert(map:attach_struct_ops())
    local again, message, errno = map:attach_struct_ops()
    assert.is_nil(again)
    assert.matches("^attach_struct_ops: map 'algorithm': Device or resource busy %(EBUSY%)",
      message)
    assert.equal(16, errno)
    assert.equal(link, object.links.algorithm)
    assert.is_true(congestion.is_registered())
  end))

  it("has no link in the kernel unless its section says so", needs({"root", "btf"}, function()
    local link = assert(load("struct_ops").maps.algorithm:attach_struct_ops())
    local info, message, errno = link:info()
    assert.is_nil(info)
    assert.equal("info: link of 'algorithm': Operation not supported (EOPNOTSUPP)", message)
    assert.equal(95, errno)
    local detached
    detached, message, errno = link:detach()
    assert.is_nil(detached)
    assert.equal("detach: link of 'algorithm': Invalid argument (EINVAL)", message)
    assert.equal(22, errno)
    assert.is_true(congestion.is_registered())
  end))

  it("is what can be attached, and no other map", needs({"root", "btf"}, function()
    local other = assert(lbpf.open("build/bpf/maps.bpf.o"))
    assert.error_matches(function()
      other.maps.hash:attach_struct_ops()
    end, "map 'hash' does not exist: object '.*maps.bpf.o' is not loaded")
    assert(other:load())
    local link, message, errno = other.maps.hash:attach_struct_ops()
    assert.is_nil(link)
    assert.matches("^attach_struct_ops: map 'hash': Invalid argument %(EINVAL%)", message)
    assert.equal(22, errno)
    other:close()
    load("struct_ops")
  end))

  it("is attached with its object, as newer skeletons do", needs({"root", "btf"}, function()
    load("struct_ops")
    assert.equal(object, object:attach())
    local newer = lbpf.major_version() > 1 or lbpf.minor_version() >= 5
    assert.equal(newer, congestion.is_registered())
    assert.equal(newer, object.links.algorithm ~= nil)
    assert.equal(object, object:attach())
  end))

  local LINKED = {"root", "libbpf 1.3", "struct_ops links"}

  it("is updated under a live link", needs(LINKED, function()
    local maps = load("struct_ops_link").maps
    local link = assert(maps.first:attach_struct_ops())
    assert.equal("struct_ops", link:info().type)
    assert.is_true(congestion.is_registered())
    assert.equal(link, link:update_map(maps.second))
    assert.is_true(congestion.is_registered())
    assert.is_true(link:destroy())
  end))

  local ASSOCIATED = {"root", "libbpf 1.7", "struct_ops links", "bpf_stream_vprintk"}

  it("is associated with a program, which keeps it", needs(ASSOCIATED, function()
    local maps = load("struct_ops_link").maps
    local id = lbpf.map_get_info_by_fd(maps.first).id
    local user = assert(lbpf.open("build/bpf/streams.bpf.o"))
    assert(user:load())
    local prog = user.progs.speak
    assert.equal(prog, prog:assoc_struct_ops(maps.first))
    local again, message, errno = prog:assoc_struct_ops(maps.second)
    assert.is_nil(again)
    assert.matches("^assoc_struct_ops: program 'speak': Device or resource busy", message)
    assert.equal(16, errno)
    local wrong
    wrong, message, errno = object.progs.ssthresh:assoc_struct_ops(maps.second)
    assert.is_nil(wrong)
    assert.matches("^assoc_struct_ops: program 'ssthresh': Invalid argument", message)
    assert.equal(22, errno)
    object:close()
    local kept = assert(lbpf.map_get_fd_by_id(id))
    assert.equal("first", lbpf.map_get_info_by_fd(kept).name)
    kept:close()
    user:close()
    child.wait_until(function()
      local fd = lbpf.map_get_fd_by_id(id)
      return not fd or not fd:close()
    end)
  end))

  -- Linux 6.12 panics when a congestion control is asked to take its own place.
  it("may be updated with itself", needs(LINKED, function()
    local maps = load("struct_ops_link").maps
    local link = assert(maps.first:attach_struct_ops())
    assert.equal(link, link:update_map(maps.first))
    assert.equal(link, link:update_map(maps.second))
    assert.equal(link, link:update_map(maps.second))
    assert.equal(link, lbpf.link_update(link, maps.second))
    assert.equal(link:fd(), lbpf.link_update(link:fd(), maps.second:fd()))
    assert.is_true(congestion.is_registered())
    link:destroy()
  end))

  it("lasts as long as its pinned link", needs(LINKED, function()
    local path = "/sys/fs/bpf/lbpf-struct-ops"
    local before = fds.count()
    local link = assert(load("struct_ops_link").maps.first:attach_struct_ops())
    assert(link:pin(path))
    object:close()
    assert.is_true(congestion.is_registered())
    link = assert(lbpf.link_open(path))
    assert.equal("struct_ops", link:info().type)
    assert.equal(link, link:unpin())
    assert.is_true(congestion.is_registered())
    assert.equal(link, link:detach())
    assert.is_false(congestion.is_registered())
    link:destroy()
    assert.equal(before, fds.count())
  end))

  it("is not taken for another by link:update_map", needs({"root", "btf"}, function()
    local net = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(net:load())
    local map = load("struct_ops").maps.algorithm
    local link = assert(net.progs.lookup_drops:attach_netns("/proc/self/ns/net"))
    assert.error_matches(function()
      link:update_map(map)
    end, "expected a link made by map:attach_struct_ops")
    net:close()
    local own = assert(map:attach_struct_ops())
    local updated, message, errno = own:update_map(map)
    assert.is_nil(updated)
    if lbpf.has("link.update_map") then
      assert.equal(22, errno)
    else
      assert.matches("^update_map needs libbpf 1.2, this is v1", message)
      assert.equal(95, errno)
    end
  end))
end)
