-- lbpf btf show|dump: the types in the kernel, and those of files.

local objects = require "lbpf.command.objects"
local show = require "lbpf.command.show"
local support = require "lbpf.command.support"

local btf = {summary = "Show the types in the kernel and in files."}

function btf.declare(command)
  objects.declare(command, "BTF", "Write types in C, or all that BTF says as JSON.")
end

local function line(info)
  local name = info.name ~= "" and info.name or "<anon>"
  return ("%d: name [%s]  size %dB"):format(info.id, name, info.btf_size)
end

-- The types of a file, of the kernel ("vmlinux"), of one of its modules, or with an id.
local function load(name)
  local lbpf = require "lbpf"
  local types = require "lbpf.clang.types"
  if name:match("^%d+$") then
    for info, fd in lbpf.btfs() do
      fd:close()
      if tostring(info.id) == name and info.kernel_btf then
        return types.load("/sys/kernel/btf/" .. info.name)
      end
    end
    return lbpf.btf_load_from_kernel_by_id(tonumber(name))
  end
  return types.load(name:find("/", 1, true) and name or "/sys/kernel/btf/" .. name)
end

local function dump(args)
  local types = support.check(load(args.object))
  if not args.json then
    support.check(types:dump_c(function(text)
      io.write(text)
    end))
    return 0
  end
  local list = {}
  for type in types:each_type() do
    list[#list + 1] = show.plain(type)
  end
  print(support.json()({types = list}))
  return 0
end

function btf.run(args)
  if args.action == "dump" then
    return dump(args)
  end
  return objects.show(require("lbpf").btfs, args, line)
end

return btf
