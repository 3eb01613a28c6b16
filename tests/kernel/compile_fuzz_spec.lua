-- Programs that are damaged compile, or are refused with a place: nothing else.
local lbpf = require "lbpf"
local needs = require "needs"

package.path = "tests/equal/?.lua;" .. package.path
local generate = require "generate"

local WORDS = {"nil", "true", "pid", "comm", "args", "args.next", "curtask", "curtask.comm",
  "curtask.se",
  "str(1)", "m", "m[1]", "two[{1, 2}]", "'x'", "not", "(", ")", "and", "==", "end", "if", "then",
    "return",
  "break", "print", "emit", "emit('a', {b = 1})", "count()", "hist(1)", "lhist(1, 2, 3, 4)",
    "function",
  "{", "}", "retval", "kstack", "exit()", "cast('struct sock', 1)", "packet('x')", "math.ult",
  "bpf_get_prandom_u32()", "curtask.mm.owner.pid", "curtask.files.fd_array[x]",
    "0x8000000000000000"}
local SECTIONS = {"raw_tp", "raw_tp/sched_switch", "xdp", "perf_event", "uprobe//bin/sh:main"}

local state = 7
local function random(n)
  state = (state * 1103515245 + 12345) % 2147483648
  return math.floor(state / 65536) % n + 1
end

-- One word or number of a text in another one's place.
local function damage(text)
  local places = {}
  for at, stop in text:gmatch "()[%w_]+()" do
    places[#places + 1] = {at, stop}
  end
  local place = places[random(#places)]
  return text:sub(1, place[1] - 1) .. WORDS[random(#WORDS)] .. text:sub(place[2])
end

describe("a damaged program", function()
  it("is refused with a place, or compiles", needs("btf", function()
    local refused = 0
    for seed = 1, 150 do
      local text = damage(generate.program(seed, 1))
      local bytes, message = lbpf.compile {{SECTIONS[random(#SECTIONS)], text}}
      if not bytes then
        refused = refused + 1
        assert.matches("^[^\n]-:%d+:%d+: .", message)
      end
    end
    assert.is_true(refused > 20 and refused < 150)
  end))
end)
