--- The benchmark's results as tables, and where they stand in a page.
local tables = {}

local function figure(value)
  return (value < 10 and value % 1 ~= 0) and ("%.1f"):format(value) or ("%.0f"):format(value)
end

local function cell(entry, divisor, peer)
  if not entry then
    return ""
  end
  local text = figure(entry.median / divisor)
  if entry.ratio and peer ~= "C" then
    local ratio = entry.ratio
    local shape = ratio < 2 and "%.2f" or ratio < 10 and "%.1f" or "%.0f"
    text = ("%s (" .. shape .. "×)"):format(text, ratio)
  end
  return entry.met == false and ("**%s**"):format(text) or text
end

--- The targets of a row: one for each Lua, or one for both.
local function targets(row, divisor)
  local list = {}
  for _, peer in ipairs {"lbpf, Lua 5.4", "lbpf, LuaJIT"} do
    local target = row.peers[peer] and row.peers[peer].target
    if target and target < math.huge then
      local text = "≤ " .. figure(target / divisor)
      if text ~= list[#list] then
        list[#list + 1] = text
      end
    end
  end
  return table.concat(list, ", ")
end

--- How far the rounds' figures lie apart, in the middle and at most; nil if there was one round.
local function spread(result)
  local all, most, where = {}, -1, nil
  for _, row in ipairs(result.rows) do
    for peer, entry in pairs(row.peers) do
      if entry.samples > 1 and entry.min > 0 then
        local percent = (entry.max - entry.min) / entry.median * 100
        all[#all + 1] = percent
        if percent > most then
          most, where = percent, ("%s, %s"):format(row.name, peer)
        end
      end
    end
  end
  table.sort(all)
  return where and ("Spread, a figure's greatest round less its least: up to %.0f %% of the median "
    .. "for half of them, %.0f %% at most (%s).\n"):format(all[(#all + 1) // 2], most, where)
end

--- The table of a workload. PEERS: in which order.
function tables.of(result, peers)
  local columns = {}
  for _, peer in ipairs(peers) do
    for _, row in ipairs(result.rows) do
      if row.peers[peer] then
        columns[#columns + 1] = peer
        break
      end
    end
  end
  local lines = {
    ("### %s: %s\n"):format(result.title, result.unit),
    ("| | %s | target |"):format(table.concat(columns, " | ")),
    "|---|" .. ("---:|"):rep(#columns + 1),
  }
  for _, row in ipairs(result.rows) do
    local cells = {row.name}
    for _, peer in ipairs(columns) do
      cells[#cells + 1] = cell(row.peers[peer], result.divisor, peer)
    end
    cells[#cells + 1] = targets(row, result.divisor)
    lines[#lines + 1] = ("| %s |"):format(table.concat(cells, " | "))
  end
  lines[#lines + 1] = "\n" .. (spread(result) or "")
  return (table.concat(lines, "\n"):gsub("\n+$", "\n"))
end

--- Replaces what stands between the markers of NAME in the page.
function tables.write(path, name, results, peers)
  local file = assert(io.open(path))
  local page = file:read "a"
  file:close()
  local m = results.machine
  local parts = {("Linux %s, %d × %s; libbpf %s, Lua %s, %s, %s.\n"):format(m.kernel, m.processors,
    m.processor, m.libbpf, m.lua, m.luajit, m.go)}
  for _, result in ipairs(results.workloads) do
    parts[#parts + 1] = tables.of(result, peers)
  end
  local first, last = ("<!-- %s -->\n"):format(name), ("<!-- end of %s -->\n"):format(name)
  local _, from = page:find(first, 1, true)
  local to = page:find(last, 1, true)
  assert(from and to, "no markers in " .. path)
  page = page:sub(1, from) .. table.concat(parts, "\n") .. page:sub(to)
  file = assert(io.open(path, "w"))
  file:write(page)
  file:close()
end

return tables
