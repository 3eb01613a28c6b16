-- Hazard 21: What libbpf lends is freed with its object. Every use after the object was closed
-- raises.
local events = require "events"
local fds = require "fds"
local lbpf = require "lbpf"
local needs = require "needs"

-- Methods, and arguments that would pass.
local PROGRAM = {
  name = {}, section_name = {}, type = {}, set_type = {"kprobe"}, expected_attach_type = {},
  set_expected_attach_type = {0}, flags = {}, set_flags = {0}, autoload = {},
  set_autoload = {true}, autoattach = {}, set_autoattach = {true}, set_ifindex = {0},
  set_attach_target = {0, "x"}, fd = {}, insn_cnt = {}, insns = {},
  set_insns = {("\0"):rep(8)}, log_level = {}, set_log_level = {0}, set_log_buf = {100},
  log_buf = {}, attach = {}, attach_kprobe = {"x"}, attach_kprobe_multi = {"x"},
  attach_ksyscall = {"x"}, attach_tracepoint = {"x", "y"}, attach_raw_tracepoint = {"x"},
  attach_trace = {}, attach_perf_event = {0}, attach_uprobe = {0, "x", 0},
  attach_usdt = {0, "x", "y", "z"}, pin = {"x"}, unpin = {"x"}, unload = {}, func_info = {},
  func_info_cnt = {}, line_info = {}, line_info_cnt = {}, assoc_struct_ops = {},
}
local MAP = {
  name = {}, type = {}, key_size = {}, value_size = {}, max_entries = {}, fd = {},
  lookup = {"0123"}, update = {"0123", "0123"}, delete = {"0123"}, next_key = {}, pairs = {},
  set_type = {"hash"}, set_key_size = {4}, set_value_size = {4}, set_max_entries = {4},
  map_flags = {}, set_map_flags = {0}, map_extra = {}, set_map_extra = {0}, numa_node = {},
  set_numa_node = {0}, ifindex = {}, set_ifindex = {0}, btf_key_type_id = {},
  btf_value_type_id = {}, is_internal = {}, autocreate = {}, set_autocreate = {true},
  autoattach = {}, set_autoattach = {true}, exclusive_program = {}, set_exclusive_program = {},
  reuse_fd = {0}, inner_map = {}, set_inner_map_fd = {0}, initial_value = {},
  set_initial_value = {"x"}, pin = {"x"}, unpin = {"x"}, set_pin_path = {"x"}, pin_path = {},
  is_pinned = {},
}
local LINK = {detach = {}, fd = {}, pin = {"x"}, unpin = {}, pin_path = {}}
local OBJECT = {
  load = {}, attach = {}, name = {}, kernel_log = {}, next_program = {}, next_map = {},
  each_program = {}, each_map = {}, find_program_by_name = {"x"}, find_map_by_name = {"x"},
  prev_program = {}, prev_map = {}, find_map_fd_by_name = {"x"}, prepare = {}, gen_loader = {},
  kversion = {}, set_kversion = {0}, token_fd = {}, pin = {"x"}, unpin = {"x"}, pin_maps = {"x"},
  unpin_maps = {"x"}, pin_programs = {"x"}, unpin_programs = {"x"},
}

local function all_say_closed(part, methods)
  for name, args in pairs(methods) do
    assert.is_function(part[name])
    assert.error_matches(function()
      return part[name](part, (table.unpack or unpack)(args)) -- luacheck: ignore
    end, "object '.*' is closed$")
  end
end

describe("after close", function()
  local object, link

  before_each(needs("root", function()
    object = events.load("attach_event")
    link = assert(object.progs.on_raw_tracepoint:attach_raw_tracepoint("sys_enter"))
  end))

  after_each(function()
    object:close()
  end)

  it("every part says what was closed", needs("root", function()
    local prog, map = object.progs.on_tracepoint, object.maps.target
    local progs, maps, links = object.progs, object.maps, object.links
    local iterate, state = object:each_program()
    local next_key = map:pairs()
    assert.is_true(object:close())
    assert.is_true(object:close())
    all_say_closed(prog, PROGRAM)
    all_say_closed(map, MAP)
    all_say_closed(link, LINK)
    all_say_closed(object, OBJECT)
    assert.error_matches(function() return object.progs end, "is closed$")
    assert.error_matches(function() return iterate(state, prog) end, "is closed$")
    assert.error_matches(function() return next_key() end, "is closed$")
    assert.error_matches(function() progs.on_tracepoint:fd() end, "is closed$")
    assert.error_matches(function() maps.events:fd() end, "is closed$")
    assert.error_matches(function() links.on_raw_tracepoint:fd() end, "is closed$")
    assert.error_matches(function() lbpf.ring_buffer(map, print) end, "is closed$")
    for _, part in ipairs({prog, map, object}) do
      assert.matches("closed", tostring(part))
    end
  end))

  it("every descriptor is closed, whatever the script still holds", needs("root", function()
    object:close()
    local before = fds.count()
    local held = {}
    for i = 1, 5 do
      local one = events.load("attach_event")
      held[i] = {one, one.progs.on_tracepoint, one.maps.target,
        assert(one.progs.on_raw_tracepoint:attach_raw_tracepoint("sys_enter"))}
      one:close()
    end
    assert.equal(before, fds.count())
    assert.equal(5, #held)
  end))

  it("parts keep their whole, and nothing else does", needs("root", function()
    object:close()
    local before = fds.count()
    local prog = events.load("attach_event").progs.on_tracepoint
    collectgarbage()
    collectgarbage()
    assert.equal("on_tracepoint", prog:name())
    assert.is_true(prog:fd() > 0)
    local map = events.load("attach_event").maps.target
    collectgarbage()
    collectgarbage()
    assert.is_number(map:lookup(0))
    link, prog, map = nil, nil, nil -- luacheck: ignore 311
    assert.equal(before, fds.count())
  end))
end)
