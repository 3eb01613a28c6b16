-- Hazard 11: bpf_prog_load_opts belongs to libbpf. A handler sees the scalar fields that this
-- libbpf has. What it writes takes effect, until the handler returns.

local handlers = require "handlers"
local lbpf = require "lbpf"
local needs = require "needs"

after_each(handlers.cleanup)

-- Loads one program with a prepare_load closure. What load() returned.
local function load(sec, name, prog_type, attach_type, prepare)
  local id = handlers.register(sec, prog_type, attach_type, {prog_prepare_load_fn = prepare})
  local object = handlers.open(name)
  lbpf.unregister_prog_handler(id)
  return object:load()
end

describe("Load options", function()
  it("show what libbpf is about to use", needs("root", function()
    local seen = {}
    assert(load("abc", "abc1", "xdp", "xdp_cpumap", function(prog, opts)
      for _, name in ipairs({"expected_attach_type", "prog_flags", "attempts", "prog_ifindex",
        "attach_btf_id", "attach_prog_fd", "attach_btf_obj_fd"}) do
        seen[name] = opts[name]
      end
      assert.is_true(opts.kern_version > 0)
      assert.is_true(opts.prog_btf_fd > 0)
      prog:set_flags(0)
    end))
    assert.same({expected_attach_type = "xdp_cpumap", prog_flags = 0, attempts = 0,
      prog_ifindex = 0, attach_btf_id = 0, attach_prog_fd = 0, attach_btf_obj_fd = 0}, seen)
  end))

  local function is_loaded(ok)
    return ok ~= nil
  end

  it("written, make a program sleepable", needs({"root", "syscall programs"}, function()
    -- one of this type must be
    assert.is_false(is_loaded(load("xyz+", "xyz", "syscall", nil, nil)))
    assert.is_true(is_loaded(load("xyz+", "xyz", "syscall", nil, function(_, opts)
      opts.prog_flags = 16
      assert.equal(16, opts.prog_flags)
    end)))
  end))

  it("written, decide what the kernel is asked for", needs("root", function()
    -- of this type the attach type is checked
    assert.is_false(is_loaded(load("xyz+", "xyz", "cgroup_sock_addr", nil, nil)))
    for _, attach_type in ipairs({"cgroup_inet4_getsockname", 10}) do
      assert.is_true(is_loaded(load("xyz+", "xyz", "cgroup_sock_addr", nil, function(_, opts)
        opts.expected_attach_type = attach_type
      end)) == (attach_type == 10))
    end
    -- and this flag is nobody's
    local _, _, errno = load("xyz+", "xyz", "socket_filter", nil, function(_, opts)
      opts.prog_flags = 2 ^ 31
    end)
    assert.equal(22, errno)
    _, _, errno = load("xyz+", "xyz", "socket_filter", nil, function(_, opts)
      opts.prog_btf_fd = 9999
    end)
    assert.equal(9, errno)
  end))

  it("are only these", needs("root", function()
    local refused = 0
    assert(load("abc", "abc1", "socket_filter", nil, function(_, opts)
      for _, name in ipairs({"log_buf", "log_size", "log_level", "func_info", "line_info",
        "fd_array", "sz", "func_info_cnt", "", "prog_flag", "__index", "close"}) do
        for _, access in ipairs({
          function() return opts[name] end,
          function() opts[name] = 0 end,
        }) do
          assert.error_matches(access, "^load options have no field '" .. name .. "'$")
          refused = refused + 1
        end
      end
      assert.is_false(pcall(function() return opts[{}] end))
    end))
    assert.equal(24, refused)
  end))

  it("take only what fits", needs("root", function()
    local function refuses(opts, name, value, pattern)
      local ok, message = pcall(function()
        opts[name] = value
      end)
      assert.is_false(ok)
      assert.matches(pattern, message)
    end
    assert(load("abc", "abc1", "socket_filter", nil, function(_, opts)
      refuses(opts, "prog_flags", 2 ^ 32, "load option 'prog_flags' is out of range")
      refuses(opts, "prog_flags", -1, "'prog_flags' is out of range")
      refuses(opts, "prog_flags", 0.5, "'prog_flags': expected bits, .*, got 0.5")
      refuses(opts, "prog_flags", nil, "'prog_flags': expected bits, .*, got nil")
      refuses(opts, "attempts", 2 ^ 31, "'attempts' is out of range")
      refuses(opts, "expected_attach_type", "nothing",
        "'expected_attach_type' must be a known attach type")
      refuses(opts, "expected_attach_type", {}, "'expected_attach_type' must be")
      assert.equal(0, opts.prog_flags)
    end))
  end))

  it("of a newer libbpf are there only with that", needs("root", function()
    local is_new = lbpf.major_version() > 1 or lbpf.minor_version() >= 4
    assert(load("abc", "abc1", "socket_filter", nil, function(_, opts)
      if is_new then
        assert.equal(0, opts.token_fd)
        return
      end
      for _, access in ipairs({
        function() return opts.token_fd end,
        function() opts.token_fd = 1 end,
      }) do
        assert.error_matches(access, "load option 'token_fd' is unknown to libbpf "
          .. lbpf.version_string():gsub("%p", "%%%0"))
      end
    end))
  end))
end)

describe("The view of the load options", function()
  local dead = "^load options are only valid inside their prog_prepare_load_fn$"

  local function is_dead(opts)
    assert.error_matches(function()
      return opts.prog_flags
    end, dead)
    assert.error_matches(function()
      opts.prog_flags = 16
    end, dead)
  end

  it("is dead once the closure has returned", needs("root", function()
    local first
    local calls = 0
    handlers.register("abc+", "socket_filter", nil, {
      prog_prepare_load_fn = function(_, opts)
        calls = calls + 1
        if first then
          is_dead(first)
          assert.equal(0, opts.prog_flags)
        end
        first = opts
      end,
    })
    assert(handlers.open("abc1", "abc2"):load())
    assert.equal(2, calls)
    is_dead(first)
  end))

  it("is dead once the closure has raised", needs("root", function()
    local view
    assert.is_false(pcall(load, "abc", "abc1", "socket_filter", nil, function(_, opts)
      view = opts
      error("no")
    end))
    is_dead(view)
  end))

  it("rests while another object's closure runs inside", needs("root", function()
    local outer
    assert(load("abc", "abc1", "socket_filter", nil, function(_, opts)
      outer = opts
      opts.attempts = 7
      assert(load("custom", "custom1", "socket_filter", nil, function(_, inner)
        is_dead(outer)
        assert.equal(0, inner.attempts)
        inner.attempts = 3
      end))
      assert.equal(7, opts.attempts)
    end))
    is_dead(outer)
  end))

  it("does not rename libbpf's memory otherwise", needs("root", function()
    assert(load("abc", "abc1", "socket_filter", nil, function(_, opts)
      assert.equal("userdata", type(opts))
      assert.is_false(getmetatable(opts))
      assert.is_false(pcall(next, opts))
      local meta = debug.getmetatable(opts)
      assert.is_false(pcall(meta.__index, io.stdout, "prog_flags"))
      assert.is_false(pcall(meta.__newindex, {}, "prog_flags", 1))
    end))
  end))
end)
