-- What is not there is a nil, one value: `tostring(types:find_by_name("nobody"))` is no error.
local lbpf = require "lbpf"

describe("what is not there", function()
  local object

  setup(function()
    object = assert(lbpf.open("build/bpf/maps.bpf.o"))
  end)

  teardown(function()
    object:close()
  end)

  local function is_nil(...)
    local values = {n = select("#", ...), ...}
    assert.same({n = 1}, values)
  end

  it("is a nil", function()
    local types = object:btf()
    is_nil(types:find_by_name("nobody"))
    is_nil(types:find_by_name_kind("nobody", "struct"))
    is_nil(types:type_by_id(2^30))
    is_nil(types:fd())
    is_nil(types:base_btf())
    is_nil(object:btf_fd())
    is_nil(select(2, next(object.maps)):inner_map())
    is_nil(lbpf.prog_type_by_name("nobody"))
    is_nil(lbpf.attach_type_by_name("nobody"))
    is_nil(object:kernel_log())
  end)
end)
