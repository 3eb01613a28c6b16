--- What the kernel says of a descriptor of this process, from /proc/self/fdinfo.
local fdinfo = {}

--- @return a table of strings: of a map map_type, key_size, value_size, max_entries ...
function fdinfo.read(fd)
  local info = {}
  for line in io.lines(("/proc/self/fdinfo/%d"):format(fd)) do
    local key, value = line:match("^([%w_]+):%s*(.-)%s*$")
    if key then
      info[key] = value
    end
  end
  return info
end

--- How many descriptors this process has open on BPF maps and programs.
function fdinfo.count_bpf()
  local pipe = assert(io.popen("readlink /proc/$PPID/fd/* 2>/dev/null"))
  local _, n = pipe:read("*a"):gsub("anon_inode:bpf%-", "")
  pipe:close()
  return n
end

return fdinfo
