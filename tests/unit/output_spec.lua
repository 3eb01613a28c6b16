-- Rows as text, JSON and CSV.
local needs = require "needs"
local output = require "lbpf.output"

describe("output", function()
  local function lines_of(format, columns, ...)
    local lines = {}
    local out = output.new {columns = columns, format = format, write = function(line)
      lines[#lines + 1] = line
    end}
    for _, row in ipairs({...}) do
      out:row(row)
    end
    return lines
  end

  local columns = {
    {"pid", -5}, {"error", 7, show = function(n) return "E" .. n end}, {"path", title = "FILE"},
  }

  it("aligns text under titles", function()
    assert.same({"  PID ERROR   FILE", "   12 E2      /a b", "    7         x", "    8"},
      lines_of("text", columns, {pid = 12, error = 2, path = "/a b"}, {pid = 7, path = "x"},
        {pid = 8}))
  end)

  it("writes CSV with the columns' names", function()
    assert.same({"pid,error,path", '12,2,"a,b"', "7,,x"},
      lines_of("csv", columns, {pid = 12, error = 2, path = "a,b"}, {pid = 7, path = "x"}))
  end)

  it("writes JSON with members in order", needs("json", function()
    assert.same({'{"pid":12,"error":2,"path":"a\\"b"}', '{"pid":7}'},
      lines_of("json", columns, {pid = 12, error = 2, path = 'a"b'}, {pid = 7}))
  end))

  it("fills in the time of day", function()
    local lines = lines_of("csv", {{"time"}, {"n"}}, {n = 1}, {time = "now", n = 2})
    assert.matches("^%d%d:%d%d:%d%d,1$", lines[2])
    assert.equal("now,2", lines[3])
  end)
end)
