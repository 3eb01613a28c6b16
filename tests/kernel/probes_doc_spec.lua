-- What docs/probes.md shows runs as it is.
local child = require "child"
local needs = require "needs"
local pages = require "pages"

-- The shell commands in the page's blocks.
local function commands()
  local list = {}
  local text = pages.read("docs/probes.md")
  for block in text:gmatch("\n```sh\n(.-)```") do
    local command
    for line in block:gmatch("[^\n]+") do
      if line:match("^lbpf trace") then
        list[#list + 1], command = line, true
      elseif command and not line:match("^#") then
        list[#list] = list[#list] .. "\n" .. line
      end
    end
  end
  return list
end

describe("docs/probes.md", function()
  for _, command in ipairs(commands()) do
    it("has " .. command:match("[^\n]*"):sub(1, 90), needs({"root", "tracefs", "argparse"},
      function()
        local run = command:gsub("^lbpf trace", os.getenv("LBPF_LUA") .. " bin/lbpf trace -t 0.1")
        local text, status = child.output(run)
        assert.equal(0, status, text)
      end))
  end
end)
