-- Programs on a cgroup: by link and by descriptor.
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"

-- Where the machine has cgroups of version 2.
local function mount_point()
  for line in io.lines("/proc/self/mounts") do
    local point = line:match("^%S+ (%S+) cgroup2 ")
    if point then
      return point
    end
  end
end

describe("a cgroup", function()
  local object, path, refused, allowed

  -- What a process of the cgroup gets when it connects to port 7001.
  local function connects()
    local text = child.output(("bash -c 'echo $$ >%s/cgroup.procs; " ..
      "exec 3>/dev/udp/127.0.0.1/7001 && echo connected'"):format(path))
    return text
  end

  before_each(function()
    path = assert(mount_point(), "no cgroup2") .. "/lbpf-" .. child.pid()
    assert(child.succeeds("mkdir " .. path))
    object = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(object:load())
    refused, allowed = object.progs.connect_refused, object.progs.connect_allowed
  end)

  after_each(function()
    object:close()
    assert(child.succeeds("rmdir " .. path))
  end)

  it("is attached to by its path", needs("root", function()
    assert.equal("connected\n", connects())
    local link = assert(refused:attach_cgroup(path))
    assert.equal("cgroup", link:info().type)
    assert.matches("Operation not permitted", connects())
    assert.is_true(link:destroy())
    assert.equal("connected\n", connects())
  end))

  it("is left when the object is closed", needs("root", function()
    assert(refused:attach_cgroup(path))
    assert.matches("Operation not permitted", connects())
    object:close()
    assert.equal("connected\n", connects())
  end))

  it("takes several programs, all of which must agree", needs("root", function()
    assert(allowed:attach_cgroup(path))
    assert(refused:attach_cgroup(path))
    assert.matches("Operation not permitted", connects())
    assert.is_true(object.links.connect_refused:detach() == object.links.connect_refused)
    assert.equal("connected\n", connects())
  end))

  it("takes them in order", needs({"root", "libbpf 1.6", "cgroup order"}, function()
    local first = assert(allowed:attach_cgroup(path, {}))
    local second = assert(refused:attach_cgroup(path,
      {flags = lbpf.F_BEFORE + lbpf.F_LINK, relative_fd = first}))
    assert.matches("Operation not permitted", connects())
    second:destroy()
    assert(refused:attach_cgroup(path,
      {flags = lbpf.F_BEFORE + lbpf.F_LINK + lbpf.F_ID, relative_id = first:info().id}))
    assert.matches("Operation not permitted", connects())
    local link, _, errno = refused:attach_cgroup(path, {expected_revision = 99})
    assert.is_nil(link)
    assert.equal(116, errno)
  end))

  describe("without a link", function()
    local TYPE = "cgroup_inet4_connect"

    it("keeps the program when the object is closed", needs("root", function()
      assert.is_true(lbpf.prog_attach(refused, path, TYPE))
      object:close()
      assert.matches("Operation not permitted", connects())
      assert.is_true(lbpf.prog_detach(path, TYPE))
      assert.equal("connected\n", connects())
      local detached, message, errno = lbpf.prog_detach(path, TYPE)
      assert.is_nil(detached)
      assert.equal("prog_detach: No such file or directory (ENOENT)", message)
      assert.equal(2, errno)
    end))

    it("takes flags, and detaches one of several", needs("root", function()
      assert.is_true(lbpf.prog_attach(refused, path, TYPE, lbpf.F_ALLOW_MULTI))
      assert.is_true(lbpf.prog_attach(allowed:fd(), path, TYPE, {flags = lbpf.F_ALLOW_MULTI}))
      assert.matches("Operation not permitted", connects())
      assert.is_true(lbpf.prog_detach2(refused, path, TYPE))
      assert.equal("connected\n", connects())
      assert.is_true(lbpf.prog_attach(refused, path, TYPE,
        {flags = lbpf.F_ALLOW_MULTI + lbpf.F_REPLACE, replace_prog_fd = allowed}))
      assert.matches("Operation not permitted", connects())
      local detached, _, errno = lbpf.prog_detach2(allowed, path, TYPE)
      assert.is_nil(detached)
      assert.equal(2, errno)
      assert.is_true(lbpf.prog_detach2(refused, path, TYPE))
      assert.equal("connected\n", connects())
    end))

    it("says what is wrong", needs("root", function()
      local attached, message, errno = lbpf.prog_attach(refused, "/none", TYPE)
      assert.is_nil(attached)
      assert.equal("prog_attach: '/none': No such file or directory (ENOENT)", message)
      assert.equal(2, errno)
      attached, message, errno = lbpf.prog_attach(refused, path, "cgroup_inet_ingress")
      assert.is_nil(attached)
      assert.equal(("prog_attach: '%s': Invalid argument (EINVAL)"):format(path), message)
      assert.equal(22, errno)
      assert.error_matches(function()
        lbpf.prog_attach(refused, path, "cgroup")
      end, "has no attach type 'cgroup'")
      assert.error_matches(function()
        lbpf.prog_attach(refused, nil, TYPE)
      end, "#2.*expected a file descriptor, an object that has one, or a path")
      if not lbpf.has("prog_detach.opts") then
        assert.error_matches(function()
          lbpf.prog_detach2(refused, path, TYPE, {relative_id = 1})
        end, "'relative_id' needs libbpf 1.3, this is v1")
      end
    end))
  end)

  it("says what is wrong", needs("root", function()
    local link, message, errno = refused:attach_cgroup("/none")
    assert.is_nil(link)
    assert.equal("attach_cgroup: program 'connect_refused' to '/none': "
      .. "No such file or directory (ENOENT)", message)
    assert.equal(2, errno)
    link, message, errno = object.progs.xdp_drops:attach_cgroup(path)
    assert.is_nil(link)
    assert.matches("Invalid argument %(EINVAL%)", message)
    assert.equal(22, errno)
    if not lbpf.has("cgroup.opts") then
      assert.error_matches(function()
        refused:attach_cgroup(path, {flags = 1})
      end, "'flags' needs libbpf 1.6, this is v1")
    end
  end))
end)
