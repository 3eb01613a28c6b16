-- Iterators: programs that print what the kernel has, read as text.
local child = require "child"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

local function lines(text)
  local list = {}
  for line in text:gmatch("([^\n]*)\n") do
    list[#list + 1] = line
  end
  table.sort(list)
  return list
end

describe("an iterator", function()
  local MAPS, TASKS = {"root", "map iterators"}, {"root", "iterators"}
  local object

  before_each(function()
    object = assert(lbpf.open("build/bpf/iter.bpf.o"))
  end)

  -- Loads that program and no other: some kernels have only some of the iterators.
  local function load(name)
    for other, prog in pairs(object.progs) do
      prog:set_autoload(other == name)
    end
    assert(object:load())
    return object.progs[name]
  end

  after_each(function()
    object:close()
  end)

  local function read(prog, opts)
    local link = assert(prog:attach_iter(opts))
    local file = assert(lbpf.iter_create(link))
    local text = assert(file:read())
    file:close()
    link:destroy()
    return text
  end

  it("goes through a map", needs(MAPS, function()
    local elements, numbers = load("elements"), object.maps.numbers
    assert(numbers:update(1, 100))
    assert(numbers:update(2, 500))
    assert.same({"1 = 100", "2 = 500"}, lines(read(elements, {map_fd = numbers})))
    assert.same({"1 = 100", "2 = 500"}, lines(read(elements, {map_fd = numbers:fd()})))
    numbers:delete(1)
    assert.equal("2 = 500\n", read(elements, {map_fd = numbers}))
  end))

  it("is read in pieces", needs(MAPS, function()
    local elements = load("elements")
    assert(object.maps.numbers:update(1, 100))
    local link = assert(elements:attach_iter({map_fd = object.maps.numbers}))
    assert.equal("iter", link:info().type)
    local file = assert(lbpf.iter_create(link:fd()))
    assert.equal("1 =", file:read(3))
    assert.equal(" 1", file:read(2))
    assert.equal("00\n", file:read(100))
    assert.equal("nil", tostring(file:read(1)))
    assert.equal("", file:read())
    file:close()
    assert.error_matches(function()
      file:read()
    end, "the descriptor is closed")
    -- every one starts anew
    assert.equal("1 = 100\n", assert(lbpf.iter_create(link)):read())
  end))

  it("goes through all processes", needs(TASKS, function()
    local other = child.probe_me()
    local text = read(load("tasks"))
    local seen = {}
    for _, line in ipairs(lines(text)) do
      seen[line] = true
    end
    assert.is_true(seen[tostring(child.kernel_pid())])
    assert.is_true(seen[tostring(other.kernel_pid)])
    other:stop()
  end))

  it("goes through the threads of one process", needs({"root", "iterators of a task"}, function()
    local tasks, pid, kernel_pid = load("tasks"), child.pid(), tostring(child.kernel_pid())
    assert.equal(kernel_pid .. "\n", read(tasks, {tid = pid}))
    for _, line in ipairs(lines(read(tasks, {pid = pid}))) do
      assert.equal(kernel_pid, line)
    end
  end))

  it("goes through cgroups", needs({"root", "cgroup iterators"}, function()
    local cgroups = load("cgroups")
    local root
    for line in io.lines("/proc/self/mounts") do
      root = root or line:match("^%S+ (%S+) cgroup2 ")
    end
    local path = root .. "/lbpf-" .. child.pid()
    assert(child.succeeds("mkdir -p " .. path .. "/inner"))
    local open = fds.count()
    assert.equal("1\n", read(cgroups, {cgroup_fd = path, order = "self_only"}))
    assert.equal("1\n2\n", read(cgroups, {cgroup_fd = path, order = "descendants_pre"}))
    assert.equal("2\n1\n", read(cgroups, {cgroup_fd = path, order = "descendants_post"}))
    assert.equal("2\n1\n0\n", read(cgroups, {cgroup_fd = path .. "/inner", order = 4}))
    assert.equal(open, fds.count())
    local id = child.output("stat -c %i " .. path):match("%d+")
    assert.equal("1\n", read(cgroups, {cgroup_id = id, order = "self_only"}))
    assert(child.succeeds("rmdir " .. path .. "/inner " .. path))
  end))

  it("says what is wrong with its options", needs({"root", "cgroup iterators"}, function()
    local cgroups = load("cgroups")
    local function refused(message, opts)
      assert.error_matches(function()
        cgroups:attach_iter(opts)
      end, message)
    end
    refused("options of a map, of cgroups and of tasks cannot be combined",
      {map_fd = object.maps.numbers, pid = 1})
    refused("option 'order' must be", {order = "up"})
    refused("option 'cgroup_fd' must be a descriptor or a path", {cgroup_fd = true})
    refused("option 'map_fd': expected a file descriptor", {map_fd = "numbers"})
    refused("'tid' is out of range", {tid = 2 ^ 32})
    refused("unknown option 'map'; expected one of: map_fd, order, cgroup_fd, cgroup_id, "
      .. "tid, pid, pid_fd",
      {map = object.maps.numbers})
    local link, message, errno = cgroups:attach_iter({cgroup_fd = "/none", order = 1})
    assert.is_nil(link)
    assert.equal("attach_iter: program 'cgroups' to '/none': No such file or directory (ENOENT)",
      message)
    assert.equal(2, errno)
    local file
    file, message, errno = lbpf.iter_create(object.maps.numbers)
    assert.is_nil(file)
    assert.equal("iter_create: Invalid argument (EINVAL)", message)
    assert.equal(22, errno)
  end))

  it("says that it needs a map", needs(MAPS, function()
    local link, message, errno = load("elements"):attach_iter()
    assert.is_nil(link)
    assert.matches("^attach_iter: program 'elements': Bad file descriptor %(EBADF%)", message)
    assert.equal(9, errno)
  end))
end)
