local lbpf = require "lbpf"

describe("open", function()
  it("says what is missing", function()
    local object, message, errno = lbpf.open("no/such/file.o")
    assert.is_nil(object)
    assert.matches("^open 'no/such/file.o': No such file or directory %(ENOENT%)", message)
    assert.equal(2, errno)
  end)
end)
