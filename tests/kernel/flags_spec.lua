-- The kernel's flags by names.
local bytes = require "bytes"
local lbpf = require "lbpf"
local needs = require "needs"

describe("flags", function()
  it("have names, alone and in lists", needs("root", function()
    local map = assert(lbpf.map_create("hash", nil, 4, 4, 4, {map_flags = "no_prealloc"}))
    assert.equal(1, lbpf.map_get_info_by_fd(map).map_flags)
    map = assert(lbpf.map_create("hash", nil, 4, 4, 4, {map_flags = {"no_prealloc", "zero_seed"}}))
    assert.equal(0x41, lbpf.map_get_info_by_fd(map).map_flags)
    assert.equal(0x40, lbpf.map_get_info_by_fd(assert(lbpf.map_create("hash", nil, 4, 4, 4,
      {map_flags = 0x40}))).map_flags)
    local one = bytes.u32(1)
    assert(lbpf.map_update(map, one, one, {"noexist"}))
    assert.equal(17, select(3, lbpf.map_update(map, one, one, "noexist")))
    assert.equal(0, lbpf.prog_query("/proc/self/ns/net", "flow_dissector",
      {query_flags = {}}).attach_flags)
  end))

  it("are refused by the name that is none", function()
    for what, expected in pairs {
      maybe = "got 'maybe'", [{"no_prealloc", "maybe"}] = "got 'maybe'", [{7}] = "got 7",
      [true] = "got boolean",
    } do
      assert.error_matches(function()
        lbpf.map_create("hash", nil, 4, 4, 4, {map_flags = what})
      end, "option 'map_flags': expected bits, a name or a list of names %(no_prealloc, "
        .. "no_common_lru, .*, rb_overwrite%), " .. expected)
    end
    assert.error_matches(function()
      lbpf.map_create("hash", nil, 4, 4, 4, {map_flags = 2 ^ 32})
    end, "option 'map_flags' is out of range")
  end)

  it("are set on maps and programs", function()
    local object = assert(lbpf.open("build/bpf/maps.bpf.o"))
    assert.equal(1, object.maps.hash:set_map_flags("no_prealloc"):map_flags())
    assert.error_matches(function() object.maps.hash:set_map_flags() end, "expected flags")
    object = assert(lbpf.open("build/bpf/programs.bpf.o"))
    local program = object:next_program()
    assert.equal(0x12, program:set_flags({"any_alignment", "sleepable"}):flags())
    assert.error_matches(function() program:set_flags("sleepy") end, "#1 .*got 'sleepy'")
  end)
end)

-- Needs libbpf 1.3 and Linux 6.6, or 1.6 and 6.17 for cgroups.
describe("a program's place among others", function()
  local object

  before_each(function()
    object = assert(lbpf.open("build/bpf/net.bpf.o"))
    assert(object:load())
  end)

  after_each(function()
    object:close()
  end)

  -- The ids of the programs at lo's ingress, in their order.
  local function order()
    return assert(lbpf.prog_query("lo", "tcx_ingress")).prog_ids
  end

  it("is before or after a link or a program, whichever is given",
    needs({"root", "libbpf 1.3", "tcx"}, function()
      local function another()
        local other = assert(lbpf.open("build/bpf/net.bpf.o"))
        other.progs.tc_passes:set_expected_attach_type("tcx_ingress")
        assert(other:load())
        return other.progs.tc_passes, lbpf.prog_get_info_by_fd(other.progs.tc_passes).id, other
      end
      local first, first_id, one = another()
      local second, second_id, two = another()
      local third, third_id, three = another()
      local link = assert(first:attach_tcx("lo"))
      local behind = assert(second:attach_tcx("lo", {flags = "after", relative_fd = link}))
      assert.same({first_id, second_id}, order())
      assert(third:attach_tcx("lo", {flags = {"before"}, relative_fd = second}))
      assert.same({first_id, third_id, second_id}, order())
      behind:destroy()
      assert(second:attach_tcx("lo", {flags = "before", relative_id = first_id}))
      assert.same({second_id, first_id, third_id}, order())
      for _, each in ipairs {one, two, three} do
        each:close()
      end
      assert.same({}, order())
    end))
end)
