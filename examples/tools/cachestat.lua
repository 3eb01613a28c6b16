-- Hits and misses of the page cache, each second: cachestat.lua [-h]
local list = require "lbpf.trace.list"
local text = require "lbpf.text"

local function is_tracepoint(name)
  local found = false
  list.each(name, function() found = true end)
  return found
end

-- Values of /proc/meminfo, in bytes.
local function memory()
  local values = {}
  for line in io.lines("/proc/meminfo") do
    local name, kilobytes = line:match("^(%w+): +(%d+) kB")
    if name then
      values[name] = tonumber(kilobytes) * 1024
    end
  end
  return values
end

require "lbpf.tool" {
  name = "cachestat",
  about = "Hits and misses of the page cache, each second. Pages that are read ahead count as "
    .. "misses; pages that are written are left out.",
  options = function(parser)
    parser:option("-i --interval", "Seconds between rows."):convert(tonumber):default("1")
  end,
  columns = {
    {"time", 8}, {"hits", -10}, {"misses", -10}, {"dirtied", -10},
    {"ratio", -7, show = function(ratio) return ("%.1f%%"):format(ratio * 100) end},
    {"buffers", -9, show = text.bytes}, {"cached", -9, show = text.bytes},
  },
  programs = function(_, only)
    local programs = {
      ["tp/filemap/mm_filemap_add_to_page_cache"] = only
        .. [[ sum("added", 1 << args.order) ]],
      ["tp/writeback/writeback_dirty_folio"] = only .. [[ count("dirtied") ]],
    }
    if is_tracepoint("tp/filemap/mm_filemap_get_pages") then -- Linux 6.11
      programs["tp/filemap/mm_filemap_get_pages"] = only
        .. [[ sum("asked", args.last_index - args.index + 1) ]]
    else
      programs["kprobe/folio_mark_accessed"] = only .. [[ count("asked") ]]
      programs["tp/filemap/mm_filemap_add_to_page_cache"] = only .. [[ count("added") ]]
    end
    return programs
  end,
  start = function(tracer, args, out)
    local before = {}
    local function since(name) -- the last row
      local row = tracer:rows(name)[1]
      local now = row and tonumber(row.value) or 0
      local n = now - (before[name] or 0)
      before[name] = now
      return n
    end
    return {[args.interval] = function()
      local asked, added, dirtied = since("asked"), since("added"), since("dirtied")
      local misses = math.min(asked, math.max(0, added - dirtied))
      local now = memory()
      out:row {hits = asked - misses, misses = misses, dirtied = dirtied,
        ratio = asked > 0 and (asked - misses) / asked or 0,
        buffers = now.Buffers, cached = now.Cached}
    end}
  end,
}
