-- The fuzzer where only specs are run, in a virtual machine, which may be asked to load too:
--
--   tests/vm/run 6.12 trixie lua5.4 tests/fuzz

describe("damaged object files", function()
  it("do no harm", function()
    local status = os.execute("FUZZ_LOAD=1 tests/fuzz/run 60")
    assert.is_true(status == true or status == 0)
  end)
end)
