-- Names of the kernel's numbers.
local names = require "lbpf.names"

describe("names", function()
  it("has errors, whatever their sign", function()
    assert.same({"ENOENT", "ENOENT", "EAGAIN", "EHWPOISON", "", "9999"}, {names.errno(2),
      names.errno(-2), names.errno(11), names.errno(133), names.errno(0), names.errno(9999)})
  end)

  it("has signals", function()
    assert.same({"SIGHUP", "SIGKILL", "SIGSYS", "34"},
      {names.signal(1), names.signal(9), names.signal(31), names.signal(34)})
  end)

  it("has system calls of either architecture", function()
    for arch, calls in pairs({
      x86_64 = {read = 0, openat = 257, rseq = 334, pidfd_send_signal = 424, mseal = 462},
      arm64 = {io_setup = 0, openat = 56, execve = 221, clone3 = 435, mseal = 462},
    }) do
      for name, number in pairs(calls) do
        assert.equal(name, names.syscall(number, arch))
        assert.equal(number, names.syscall_number(name, arch))
      end
    end
    assert.equal("400", names.syscall(400, "x86_64"))
    assert.is_nil(names.syscall_number("no_such"))
    assert.is_string(names.syscall(1))
  end)

  it("has protocols, and the states of TCP", function()
    assert.same({"TCP", "UDP", "ICMPV6", "SCTP", "254"}, {names.protocol(6), names.protocol(17),
      names.protocol(58), names.protocol(132), names.protocol(254)})
    assert.same({"ESTABLISHED", "LISTEN"}, {names.tcp_state(1), names.tcp_state(10)})
  end)
end)
