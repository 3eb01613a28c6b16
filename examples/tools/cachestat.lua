-- Hits and misses of the page cache, each second: cachestat.lua [-h]
local list = require "lbpf.trace.list"
local text = require "lbpf.text"

-- The first of some probes that this kernel has.
local function first_of(...)
  for _, probe in ipairs({...}) do
    local found
    list.each(probe, function() found = probe end)
    if found then
      return found
    end
  end
  return select("#", ...) > 0 and (select(-1, ...)) or nil
end

local ASKED = "tp/filemap/mm_filemap_get_pages" -- Linux 6.11

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
    local asked = first_of(ASKED, "kprobe:folio_mark_accessed", "kprobe:mark_page_accessed")
    local is_new = asked == ASKED
    return {
      [asked] = only .. (is_new and [[ sum("asked", args.last_index - args.index + 1) ]]
        or [[ count("asked") ]]),
      ["tp/filemap/mm_filemap_add_to_page_cache"] = only
        .. (is_new and [[ sum("added", 1 << args.order) ]] or [[ count("added") ]]),
      [first_of("tp/writeback/writeback_dirty_folio", "tp/writeback/writeback_dirty_page")] = only
        .. [[ count("dirtied") ]],
    }
  end,
  start = function(tracer, args, out)
    local before, ahead = {}, 0
    local function since(name) -- the last row
      local row = tracer:rows(name)[1]
      local now = row and tonumber(row.value) or 0
      local n = now - (before[name] or 0)
      before[name] = now
      return n
    end
    return {[args.interval] = function()
      local asked, added, dirtied = since("asked"), since("added"), since("dirtied")
      local read = math.max(0, added - dirtied)
      local misses = math.min(asked, read + ahead)
      ahead = math.min(read, read + ahead - misses) -- for the next row, and not after it
      local now = memory()
      out:row {hits = asked - misses, misses = misses, dirtied = dirtied,
        ratio = asked > 0 and (asked - misses) / asked or 0,
        buffers = now.Buffers, cached = now.Cached}
    end}
  end,
}
