-- Maps of others: read only, and with few privileges.
local bytes = require "bytes"
local child = require "child"
local lbpf = require "lbpf"
local needs = require "needs"

local DIR = "/sys/fs/bpf/lbpf-shared-maps"

describe("a pinned map", function()
  local object

  before_each(function()
    object = assert(lbpf.open("build/bpf/metric.bpf.o"))
    assert(object:load())
    child.succeeds("mkdir " .. DIR)
    assert(object.maps.requests:pin(DIR .. "/requests"))
    assert(object.maps.latency_per_cpu:pin(DIR .. "/latency"))
    assert(object.maps.requests:update({method = "GET", status = 200}, 7))
  end)

  after_each(function()
    child.succeeds("rm -r " .. DIR)
    object:close()
  end)

  it("may be opened to be read only", needs({"root", "bpffs"}, function()
    local map = assert(lbpf.map(DIR .. "/requests", {file_flags = "rdonly"}))
    assert.equal(7, tonumber(map:lookup {method = "GET", status = 200}))
    local result, message, errno = map:update({method = "GET", status = 200}, 8)
    assert.same({nil, 1}, {result, errno})
    assert.matches("^update: map 'requests': Operation not permitted %(EPERM%)", message)
    assert.equal(1, map:count())
    map:close()
    map = assert(lbpf.map(DIR .. "/requests", {file_flags = {"wronly"}}))
    assert(map:update({method = "GET", status = 200}, 8))
    assert.equal(1, select(3, map:lookup {method = "GET", status = 200}))
    assert.error_matches(function() lbpf.map(object.maps.requests, {file_flags = "rdonly"}) end,
      "option 'file_flags' needs a path")
    assert.error_matches(function() lbpf.map(DIR .. "/requests", {file_flags = "readonly"}) end,
      "option 'file_flags': expected bits, a name or a list of names %(rdonly, wronly, path_fd%), "
      .. "got 'readonly'")
  end))

  it("takes its types from the file that defines it", needs({"root", "bpffs"}, function()
    local btf = assert(lbpf.btf_parse("build/bpf/metric.bpf.o"))
    local map = assert(lbpf.map(DIR .. "/requests", {btf = btf}))
    assert.equal(8, tonumber(map:update({method = "PUT", status = 1}, 8)
      :lookup {method = "PUT", status = 1}))
    -- the kernel knows 15 characters of its name
    local per_cpu = assert(lbpf.map(DIR .. "/latency", {btf = object:btf()}))
    assert.equal(0, tonumber(per_cpu:lookup(0)[1].total))
    assert.error_matches(function() lbpf.map(DIR .. "/requests", {btf = 7}) end,
      "option 'btf' must be BTF")
    -- that of another object has no such map
    local strange = assert(lbpf.map(DIR .. "/requests",
      {btf = assert(lbpf.btf_parse("build/bpf/untyped.bpf.o"))}))
    assert.equal(bytes.u64(7), strange:lookup("GET\0\0\0\0\0" .. bytes.u32(200)))
  end))

  it("is typed with CAP_BPF alone", needs({"root", "bpffs"}, function()
    local text = child.run([[
      local lbpf = require "lbpf"
      local path = "]] .. DIR .. [[/requests"
      print((select(2, lbpf.map(path))))
      local map = assert(lbpf.map(path, {btf = lbpf.btf_parse("build/bpf/metric.bpf.o")}))
      print(tonumber(map:lookup {method = "GET", status = 200}))
    ]], "setpriv --bounding-set=-all,+bpf --inh-caps=-all")
    assert.equal("map: types: map 'requests': Operation not permitted (EPERM); the kernel shows "
      .. "them to CAP_SYS_ADMIN alone: option `btf` takes those of the object's file, and `raw` "
      .. "needs none\n7\n", text)
  end))
end)
