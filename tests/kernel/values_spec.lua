-- 64 bits on their way into the kernel and back: cookies of every kind of Lua value.
local bytes = require "bytes"
local lbpf = require "lbpf"
local needs = require "needs"

local jit = rawget(_G, "jit")
local path = "build/bpf/cookie.bpf.o"

-- The cookie that the program sees when it was attached with this one.
local function seen(prog, map, cookie)
  local zero = bytes.u32(0)
  assert(lbpf.map_update(map:fd(), zero, ("\204"):rep(8)))
  local link = assert(prog:attach_tracepoint("syscalls", "sys_enter_openat", {bpf_cookie = cookie}))
  io.open("/dev/null"):close()
  assert(link:destroy())
  return bytes.hex(lbpf.map_lookup(map:fd(), zero))
end

describe("a cookie", function()
  local function check(cases)
    local obj = assert(assert(lbpf.open(path)):load())
    for _, case in ipairs(cases) do
      assert.equal(case[2], seen(obj.progs.keep, obj.maps.cookies, case[1]))
    end
    obj:close()
  end

  it("is a number or a string", needs({"root", "tracefs", "cookies"}, function()
    check({
      {0, "0x0000000000000000"},
      {1, "0x0000000000000001"},
      {-1, "0xffffffffffffffff"},
      {2 ^ 53, "0x0020000000000000"},
      {-2 ^ 53, "0xffe0000000000000"},
      {2 ^ 63, "0x8000000000000000"},
      {-2 ^ 63, "0x8000000000000000"},
      {2 ^ 64 - 2048, "0xfffffffffffff800"},
      {"0", "0x0000000000000000"},
      {"9007199254740993", "0x0020000000000001"},
      {"18446744073709551615", "0xffffffffffffffff"},
      {"-9223372036854775808", "0x8000000000000000"},
      {"0xdeadbeefcafebabe", "0xdeadbeefcafebabe"},
      {"0X1", "0x0000000000000001"},
    })
  end))

  it("is an integer of this Lua", needs({"root", "tracefs", "cookies"}, function()
    if jit then
      local function read(expression)
        return assert(loadstring("return " .. expression))()
      end
      check({
        {read("1ULL"), "0x0000000000000001"},
        {read("-1LL"), "0xffffffffffffffff"},
        {read("0xdeadbeefcafebabeULL"), "0xdeadbeefcafebabe"},
        {read("-0x7fffffffffffffffLL - 1"), "0x8000000000000000"},
        {read("9007199254740993LL"), "0x0020000000000001"},
      })
    elseif math.type then
      check({
        {math.maxinteger, "0x7fffffffffffffff"},
        {math.mininteger, "0x8000000000000000"},
        {9007199254740993, "0x0020000000000001"},
        {0xdeadbeefcafebabe, "0xdeadbeefcafebabe"},
      })
    end
  end))

  it("that is not an integer attaches nothing", needs({"root", "tracefs"}, function()
    local obj = assert(lbpf.open(path))
    obj.vars.has_cookies = needs.met "cookies" and 1 or 0
    assert(obj:load())
    for _, cookie in ipairs({0.5, 2 ^ 64, math.huge, -2 ^ 64, "0x10000000000000000", "x", false}) do
      assert.error_matches(function()
        obj.progs.keep:attach_tracepoint("syscalls", "sys_enter_openat", {bpf_cookie = cookie})
      end, "option 'bpf_cookie' must be an integer, not ", 1, true)
    end
    assert.is_nil(obj.links.keep)
  end))
end)
