-- Compiles BPF programs in C with clang.
--
-- The kernel's types come from the BTF of the running kernel, and only those that the source names:
-- printing and reading all of them takes clang half a second.

local lbpf = require "lbpf.core"

local HEADER = [[
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif
%s
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif
#line %d "%s"
%s]]

-- The kernel's types that libbpf's headers for BPF programs need.
local ALWAYS = {
  "__u8", "__u16", "__u32", "__u64", "__s8", "__s16", "__s32", "__s64", "__be16", "__be32",
  "__be64", "__le16", "__le32", "__le64", "__wsum", "__sum16", "bool", "bpf_map_type", "pt_regs",
  "user_pt_regs",
}

local KINDS = {"struct", "union", "enum", "enum64", "typedef"}

local ARCHITECTURES = {x86_64 = "x86", aarch64 = "arm64", s390x = "s390"}

-- The source without comments and the contents of strings.
local function code_of(source)
  return (source:gsub("/%*.-%*/", " "):gsub("//[^\n]*", ""):gsub("\\.", " ")
    :gsub('"[^"\n]*"', '""'))
end

-- The names in the source, sorted, without the types that it defines itself.
local function names_in(source)
  local code = code_of(source)
  local names, sorted = {}, {}
  for _, name in ipairs(ALWAYS) do
    names[name] = true
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

-- The kernel's types that a source names, and those that they need, in C; or nil, message, errno.
local function types_for(source)
  if not kernel then
    local types, message, errno = lbpf.btf_load_vmlinux_btf()
    if not types then
      return nil, message, errno
    end
    kernel = types
  end
  local parts = {}
  local dump = assert(lbpf.btf_dump(kernel))
  for _, name in ipairs(names_in(source)) do
    local found
    for _, kind in ipairs(KINDS) do
      local id = kernel:find_by_name_kind(name, kind)
      if id then
        parts[#parts + 1] = assert(dump:dump_type(id))
        found = true
      end
    end
    local enumeration = not found and name:find("^%u") and kernel:find_enumerator(name)
    if enumeration then
      parts[#parts + 1] = assert(dump:dump_type(enumeration))
    end
  end
  dump:close()
  return table.concat(parts)
end

local machine -- as uname says

local function arguments(opts)
  if not machine then
    local _, text = lbpf.spawn({"uname", "-m"})
    machine = text and text:match("%S+") or "x86_64"
  end
  local list = {
    opts.clang or "clang", "--target=bpf", "-O2", "-g", "-Wall", "-fno-color-diagnostics",
    "-D__TARGET_ARCH_" .. (ARCHITECTURES[machine] or machine),
    "-I/usr/include/" .. machine .. "-linux-gnu", -- where Debian has asm/types.h
  }
  for _, flag in ipairs(opts.cflags or {}) do
    list[#list + 1] = flag
  end
  for _, last in ipairs {"-x", "c", "-c", "-o", "-", "-"} do
    list[#list + 1] = last
  end
  return list
end

-- The file and the line at which the source begins in the Lua chunk LEVEL calls away, for messages.
local function find_place(source, level)
  local info = debug.getinfo(level + 1, "Sl")
  local file = info.source:match("^@(.*)") and io.open(info.source:sub(2))
  local chunk = file and file:read("*a") or ""
  if file then
    file:close()
  end
  local at = chunk:find(source, 1, true)
  if not at then
    return info.short_src, math.max(info.currentline, 1)
  end
  local _, newlines = chunk:sub(1, at - 1):gsub("\n", "")
  return info.short_src, newlines + 1
end

-- Compiles OPTS.c, which is in the chunk LEVEL calls away. Returns the bytes of the object; or nil,
-- a message, and an error number if clang could not be run.
local function compile(opts, level)
  local types, message, errno = types_for(opts.c)
  if not types then
    return nil, message, errno
  end
  local name, line = find_place(opts.c, level + 1)
  -- The types come before the source; a vmlinux.h with all types would define them again.
  local own = opts.c:gsub('#include%s+"vmlinux%.h"', "")
  local text = HEADER:format(types, line, name, own)
  local status, output, messages = lbpf.spawn(arguments(opts), text)
  if not status then
    return nil, output .. "; install clang, or compile the object elsewhere and open that, or "
      .. "write the program in Lua", messages
  elseif status ~= 0 then
    return nil, messages
  end
  return output
end

return {compile = compile, types_for = types_for}
