-- The kernel's types for BPF programs in C: those that a source names, and what these need.
-- Printing all of them, and reading them, takes clang half a second.

local lbpf = require "lbpf.core"

local types = {}

-- bpf_tracing.h asks for __VMLINUX_H__, to know whose names struct pt_regs has.
local HEADER = [[
#define __VMLINUX_H__
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif
%s
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif
]]

-- What libbpf's headers for BPF programs need.
local ALWAYS = {
  "__u8", "__u16", "__u32", "__u64", "__s8", "__s16", "__s32", "__s64", "__be16", "__be32",
  "__be64", "__le16", "__le32", "__le64", "__wsum", "__sum16", "bool", "bpf_map_type", "pt_regs",
  "user_pt_regs",
}

local KINDS = {"struct", "union", "enum", "enum64", "typedef"}

-- The source without comments and the contents of strings.
local function code_of(source)
  return (source:gsub("/%*.-%*/", " "):gsub("//[^\n]*", ""):gsub("\\.", " ")
    :gsub('"[^"\n]*"', '""'))
end

-- The names in the source and in MORE, sorted, without the types that the source defines itself.
local function names_in(source, more)
  local code = code_of(source)
  local names, sorted = {}, {}
  for _, list in ipairs {ALWAYS, more} do
    for _, name in ipairs(list) do
      names[name] = true
    end
  end
  for name in code:gmatch("[%a_][%w_]*") do
    names[name] = true
  end
  for name in code:gmatch("%f[%a]%l+%s+([%a_][%w_]*)%s*{") do -- struct NAME {
    names[name] = nil
  end
  for _, pattern in ipairs {"typedef%s[^;{]-([%a_][%w_]*)%s*;", "}%s*([%a_][%w_]*)%s*;"} do
    for name in code:gmatch(pattern) do
      names[name] = nil
    end
  end
  for name in pairs(names) do
    sorted[#sorted + 1] = name
  end
  table.sort(sorted)
  return sorted
end

local kernel -- its BTF, read once

--- The types of a file, an object or one of /sys/kernel/btf; or, without PATH, of this kernel.
-- @treturn btf; or nil, message, errno
function types.load(path)
  local module = path and path:match("^/sys/kernel/btf/([^/]+)$")
  if path and not module then
    return lbpf.btf_parse(path)
  end
  if not kernel then
    local btf, message, errno = lbpf.btf_load_vmlinux_btf()
    if not btf then
      return nil, message, errno
    end
    kernel = btf
  end
  if module and module ~= "vmlinux" then
    return lbpf.btf_load_module_btf(module, kernel)
  end
  return kernel
end

--- A header with the types that a source names, and those that they need.
-- @tparam string source in C
-- @tparam ?string path of the types, as for `load`
-- @tparam {string,...} more names of types
-- @treturn string; or nil, message, errno
function types.header(source, path, more)
  local btf, message, errno = types.load(path)
  if not btf then
    return nil, message, errno
  end
  local parts = {}
  local dump = assert(lbpf.btf_dump(btf))
  for _, name in ipairs(names_in(source, more)) do
    local found
    for _, kind in ipairs(KINDS) do
      local id = btf:find_by_name_kind(name, kind)
      if id then
        parts[#parts + 1] = assert(dump:dump_type(id))
        found = true
      end
    end
    local constant = name:find("^%u") or name == "true" or name == "false"
    local enumeration = not found and constant and btf:find_enumerator(name)
    if enumeration then
      parts[#parts + 1] = assert(dump:dump_type(enumeration))
    end
  end
  dump:close()
  return HEADER:format(table.concat(parts))
end

--- Adds to NAMES the types that clang says it knows no members of: those that a source reaches
-- through pointers, `task->cgroups->dfl_cgrp`, but does not name.
-- @treturn boolean whether there are new ones
function types.add_incomplete(names, messages)
  local before = #names
  for line in messages:gmatch("[^\n]*incomplete[^\n]*") do
    for name in line:gmatch("'%l+ ([%w_]+)[^']*'") do
      if not names[name] then
        names[name] = true
        names[#names + 1] = name
      end
    end
  end
  return #names > before
end

return types
