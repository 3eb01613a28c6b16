-- What compiled code knows of C's structures is what C says of them.

local has_ffi, ffi = pcall(require, "ffi")

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a"):gsub("/%*.-%*/", "")
  file:close()
  return text
end

-- The members of a structure as the file has it, in C.
local function definition(path, name)
  return assert(read(path):match("\nstruct " .. name .. " (%b{})"))
end

-- Declares them again, for the FFI to say where the members are.
local function declare(path, name)
  local members = definition(path, name):gsub("char data%[%];", ""):gsub("char bytes%[%];",
    "char bytes[1];"):gsub("__u(%d+)", "uint%1_t"):gsub("__s(%d+)", "int%1_t")
  return ffi.typeof("struct " .. members)
end

local function same(path, name, mirrored, members)
  local declared = declare(path, name)
  for member, ours in pairs(members) do
    assert.equal(ffi.offsetof(declared, member), ffi.offsetof(mirrored, ours), member)
  end
end

if has_ffi then
  describe("The layout that compiled code works with", function()
    local layout = require "lbpf.jit.layout"

    it("is that of an event", function()
      same("core/event/batch.h", "batch_record", "struct lbpf_record", {size = "size", cpu = "cpu"})
      assert.equal(ffi.sizeof(declare("core/event/batch.h", "batch_record")),
        layout.record_size)
    end)

    it("is that of a batch's cursor", function()
      same("core/event/batch.h", "batch_cursor", "struct lbpf_cursor", {
        bytes = "bytes", used = "used", next = "next", last = "last", delivering = "delivering",
        reading = "reading", fill = "fill",
      })
    end)

    it("is that of a check, and of what is claimed", function()
      ffi.cdef "struct batch; struct codec_check;"
      same("core/btf/codec.h", "codec_check", "struct lbpf_check",
        {kind = "kind", offset = "offset", size = "size", length = "length"})
      same("core/event/batch.h", "batch_claim", "struct lbpf_claim", {
        batch = "cursor", checks = "checks", ["function"] = "fn", least = "least",
      })
    end)

    it("is that of an element", function()
      ffi.cdef "struct mapcodec;"
      same("core/map/jit_maps.c", "jit_element", "struct lbpf_element",
        {map = "map", checks = "checks", busy = "busy", value_at = "value_at", bytes = "bytes"})
    end)

    it("is that of the beginning of a walk", function()
      local members = definition("core/map/walk.h", "mapwalk"):match("{(.-stepping;)")
      local declared = ffi.typeof("struct {" .. members .. "}")
      for _, member in ipairs({
        "keys", "values", "key_checks", "value_checks", "n", "at", "stepping",
      }) do
        assert.equal(ffi.offsetof(declared, member), ffi.offsetof("struct lbpf_walk", member),
          member)
      end
    end)

    -- FFI clears the rest of an array from a table only if the type gives its length.
    it("has an end in every list of checks", function()
      local expression = require "lbpf.jit.expression"
      local text = {kind = "string", name = "text", offset = 0, size = 16}
      local type = {{kind = "struct", offset = 0, size = 16, count = 1, text}, size = 16}
      expression.fixed_list(type)
      local checks = expression.new_checks(type)
      assert.same({1, 0, 16}, {checks[0].kind, checks[0].offset, checks[0].size})
      assert.equal(0, checks[1].kind)
    end)
  end)
end
