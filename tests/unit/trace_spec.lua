-- The parts of tracers that need no kernel: specs, what values look like, instructions as text.
local disassemble = require "lbpf.trace.disassemble"
local insns = require "insns"
local show = require "lbpf.trace.show"
local spec = require "lbpf.trace.spec"

describe("a spec", function()
  it("is a SEC() name, or what bpftrace calls it", function()
    for given, section in pairs({
      ["tracepoint:sched:sched_switch"] = "tp/sched/sched_switch",
      ["t:sched:sched_switch"] = "tp/sched/sched_switch",
      ["rawtracepoint:sched_switch"] = "raw_tp/sched_switch",
      ["kprobe:vfs_read"] = "kprobe/vfs_read",
      ["kretprobe:vfs_*"] = "kretprobe.multi/vfs_*",
      ["k:vfs_*"] = "kprobe.multi/vfs_*",
      ["kfunc:vfs_read"] = "fentry/vfs_read",
      ["fr:vfs_read"] = "fexit/vfs_read",
      ["uprobe:/bin/bash:readline"] = "uprobe//bin/bash:readline",
      ["usdt:/usr/bin/x:provider:name"] = "usdt//usr/bin/x:provider:name",
      ["profile:hz:99"] = "perf_event/cpu-clock,frequency=99",
      ["profile:ms:10"] = "perf_event/cpu-clock,frequency=100",
      ["interval:s:1"] = "interval/1s", ["interval:1s"] = "interval/1s",
      ["interval:500ms"] = "interval/0.5s", ["interval:hz:4"] = "interval/0.25s",
      ["software:page-faults:100"] = "perf_event/page-faults,period=100",
      ["hardware:cycles"] = "perf_event/cycles,period=1000000",
      ["BEGIN"] = "BEGIN", ["END"] = "END", ["tp/a/b"] = "tp/a/b",
      ["uprobe//bin/bash:readline"] = "uprobe//bin/bash:readline", ["xdp"] = "xdp",
    }) do
      assert.equal(section, spec.section(given))
    end
    assert.equal(0.5, spec.interval("interval/0.5s"))
    assert.equal(0.02, spec.interval("interval/20ms"))
  end)

  it("that is neither is refused", function()
    assert.error_matches(function() spec.section("probe:x") end, "there are no probes 'probe'")
    assert.error_matches(function() spec.section("interval:1h") end,
      "expected interval:1s; units: s, ms, us, hz")
    assert.error_matches(function() spec.section("interval:s:0") end, "expected interval:1s")
    assert.error_matches(function() spec.section("software:faults:x") end,
      "expected software:EVENT:COUNT")
  end)
end)

describe("values", function()
  it("are stacks, or why there is none", function()
    assert.matches("another stack has its place", show.value(-17, "kstack"))
    assert.matches("no stack: EFAULT", show.value(-14, "ustack"))
  end)

  it("are shown as what they are", function()
    assert.same({"nil", "12", "true", "false", "0xff", "127.0.0.1", "00:1b:ff:00:00:01"}, {
      show.value(nil), show.value(12), show.value(1, "bool"), show.value(0, "bool"),
      show.value(255, "ptr"), show.value(0x0100007f, "ipv4"),
      show.value("\0\27\255\0\0\1", "mac"),
    })
    for bytes, address in pairs({
      [("\0"):rep(16)] = "::", [("\0"):rep(15) .. "\1"] = "::1",
      ["\32\1\13\184" .. ("\0"):rep(10) .. "\0\2"] = "2001:db8::2",
      ["\254\128" .. ("\0"):rep(6) .. "\0\1\0\2\0\3\0\4"] = "fe80::1:2:3:4",
      [("\1\2"):rep(8)] = "102:102:102:102:102:102:102:102",
    }) do
      assert.equal(address, show.value(bytes, "ipv6"))
    end
  end)
end)

describe("instructions", function()
  it("are written as the kernel does", function()
    local insn = insns.insn
    assert.same({
      "   0: r1 = 5", "   1: r2 = r1", "   2: r1 += -8", "   3: w1 /= w2", "   4: r1 = -r1",
      "   5: r1 = *(u32 *)(r2 + 4)", "   6: *(u64 *)(r10 - 8) = r1", "   7: *(u8 *)(r10 - 1) = 7",
      "   8: r1 = 0x0000000100000002 ll", "  10: r1 = map with fd 3",
      "  12: if r1 == 5 goto 11", "  13: if r1 s> r2 goto 15", "  14: call bpf_ktime_get_ns",
      "  15: call helper 99", "  16: lock *(u64 *)(r0 + 0) += r1", "  17: r1 s/= r2",
      "  18: goto 20", "  19: exit",
    }, disassemble(insns.mov(1, 5) .. insns.mov_reg(2, 1) .. insn(0x07, 1, 0, 0, 0xfffffff8)
      .. insn(0x3c, 1, 2, 0, 0) .. insn(0x87, 1, 0, 0, 0) .. insn(0x61, 1, 2, 4, 0)
      .. insn(0x7b, 10, 1, 0xfff8, 0) .. insn(0x72, 10, 0, 0xffff, 7)
      .. insn(0x18, 1, 0, 0, 2) .. insn(0, 0, 0, 0, 1) .. insns.ld_map(1, 3)
      .. insn(0x15, 1, 0, 0xfffe, 5) .. insn(0x6d, 1, 2, 1, 0) .. insns.call(5) .. insns.call(99)
      .. insn(0xdb, 0, 1, 0, 0) .. insn(0x3f, 1, 2, 1, 0) .. insn(0x05, 0, 0, 1, 0)
      .. insns.exit(), {[5] = "bpf_ktime_get_ns"}))
  end)
end)

describe("a spec with wildcards", function()
  it("is refused if it matches too many probes", function()
    local list = require "lbpf.trace.list"
    local each = list.each
    list.each = function(_, fn)
      for i = 1, 1001 do
        fn("tp/many/" .. i)
      end
    end
    package.loaded["lbpf.trace.expand"] = nil
    local ok, message = pcall(require "lbpf.trace.expand", {["tp/many/*"] = ""})
    list.each, package.loaded["lbpf.trace.expand"] = each, nil
    assert.is_false(ok)
    assert.equal("'tp/many/*': 1001 probes match; at most 1000 are allowed", message)
  end)
end)
