-- What processes send and receive by TLS, before it is encrypted: sslsniff.lua [-h]
local libraries = {"/usr/lib/x86_64-linux-gnu/libssl.so.3", "/lib/x86_64-linux-gnu/libssl.so.3",
  "/usr/lib/aarch64-linux-gnu/libssl.so.3", "/lib/aarch64-linux-gnu/libssl.so.3",
  "/usr/lib64/libssl.so.3", "/usr/lib/x86_64-linux-gnu/libssl.so.1.1", "/usr/lib64/libssl.so.1.1"}

local function find_library()
  for _, path in ipairs(libraries) do
    local file = io.open(path)
    if file then
      file:close()
      return path
    end
  end
  error({message = "no libssl found; use --library"}, 0)
end

-- The data is sent in parts. After its page there may be nothing: the last part begins early
-- enough.
local send = [[
  if n > 0 then
    local at = 0
    while n - at > 1024 do
      emit("part", {tid = tid, data = buf(uptr(from + at), 1024)})
      at = at + 1024
    end
    local last = ((from + n + 4095) & ~4095) - 1024
    if from + at < last then
      last = from + at
    end
    emit("row", {pid = pid, tid = tid, comm = comm, event = "%s", bytes = n,
      first = from + at - last, length = n - at, data = buf(uptr(last), 1024)})
  end ]]

local enter = [[
  buffer[tid] = args.arg1
  length[tid] = args.arg3 ]]

-- What returns 1 wrote the number of bytes where the fourth argument pointed.
local function exit(event, number)
  return ([[
    local from, where = buffer[tid], length[tid]
    buffer[tid] = nil
    length[tid] = nil
    if from and where and retval == 1 or from and where and %s then
      local n = %s
      %s
    end ]]):format(number == "retval" and "retval > 0" or "false", number, send:format(event))
end

local WRITTEN = 'cast("__u64", uptr(where))[0]'
local parts = {} -- by thread

require "lbpf.tool" {
  name = "sslsniff",
  about = "What processes send and receive by TLS, before it is encrypted.",
  options = function(parser)
    parser:option("-l --library", "The file of OpenSSL's libssl."):argname("<file>")
    parser:flag("-x --hex", "Bytes in hexadecimal.")
  end,
  columns = {{"time", 8}, {"event", 7}, {"pid", -7}, {"comm", 16}, {"bytes", -7}, {"data"}},
  programs = function(args, only)
    local file, list = args.library or find_library(), {}
    local function add(name, event, number)
      list[("uprobe/%s:%s"):format(file, name)] = only .. " " .. enter
      list[("uretprobe/%s:%s"):format(file, name)] = exit(event, number)
    end
    add("SSL_write", "write", "retval")
    add("SSL_read", "read", "retval")
    add("SSL_write_ex", "write", WRITTEN)
    add("SSL_read_ex", "read", WRITTEN)
    return list
  end,
  rows = {
    part = function(row)
      parts[row.tid] = (parts[row.tid] or "") .. row.data
    end,
    row = function(row, args)
      local all = (parts[row.tid] or "") .. row.data:sub(row.first + 1, row.first + row.length)
      parts[row.tid] = nil
      row.data = args.hex and all:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
        or args.json and all or all:gsub("[^\32-\126]", function(c)
          return c == "\n" and "\\n" or c == "\r" and "\\r" or ("\\x%02x"):format(c:byte())
        end)
      return row
    end,
  },
}
