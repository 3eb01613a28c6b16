-- Draws a flame graph: a frame is a rectangle as wide as its share of the samples, above the frame
-- that called it.

local ROW = 17       -- height of a frame in pixels
local LETTER = 7.25  -- width of a letter
local SMALLEST = 0.1 -- narrower frames are left out

local head = [[
<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"
  font-family="monospace" font-size="12">
<style>
g:hover rect { stroke: #000 }
.found rect { fill: #b468e8 }
text { pointer-events: none }
#reset, #find { cursor: pointer; pointer-events: auto }
</style>
<rect width="100%%" height="100%%" fill="#fffdf5"/>
<text x="%d" y="24" font-size="17" text-anchor="middle">%s</text>
<text id="reset" x="10" y="24" visibility="hidden">whole</text>
<text id="find" x="%d" y="24" text-anchor="end">find</text>
<text id="status" x="10" y="%d"></text>
<g id="frames">
]]

local frame = '<g data-x="%.3f" data-w="%.3f" data-row="%d" data-name="%s">'
  .. '<title>%s: %.0f %s, %.2f%%</title>'
  .. '<rect x="%.2f" y="%d" width="%.2f" height="%d" rx="2" fill="%s"/>'
  .. '<text x="%.2f" y="%d">%s</text></g>\n'

-- A frame has its share as data-x and data-w, in millionths of the whole.
local script = [=[
</g>
<script><![CDATA[
(function () {
  var width = %d, letter = %g;
  var frames = Array.prototype.slice.call(document.querySelectorAll("#frames > g"));
  var get = document.getElementById.bind(document);
  function number(g, name) { return +g.getAttribute("data-" + name); }
  function show(left, share, row) {
    frames.forEach(function (g) {
      var x = (number(g, "x") - left) / share * width, w = number(g, "w") / share * width;
      if (number(g, "row") < row && x <= 0 && x + w >= width) { x = 0; w = width; }
      var visible = x < width && x + w > 0 && w >= 0.1;
      g.setAttribute("visibility", visible ? "visible" : "hidden");
      if (!visible) { return; }
      var rect = g.querySelector("rect"), text = g.querySelector("text");
      rect.setAttribute("x", x);
      rect.setAttribute("width", w);
      text.setAttribute("x", x + 3);
      var name = g.getAttribute("data-name"), letters = Math.floor((w - 6) / letter);
      text.textContent = letters < 3 ? ""
        : name.length <= letters ? name : name.slice(0, letters - 2) + "..";
    });
    get("reset").setAttribute("visibility", share < 1e6 ? "visible" : "hidden");
  }
  frames.forEach(function (g) {
    g.addEventListener("click", function () {
      show(number(g, "x"), number(g, "w"), number(g, "row"));
    });
    g.addEventListener("mouseover", function () {
      get("status").textContent = g.querySelector("title").textContent;
    });
  });
  get("reset").addEventListener("click", function () { show(0, 1e6, 0); });
  get("find").addEventListener("click", function () {
    var wanted = prompt("Part of a name:");
    if (wanted === null) { return; }
    frames.forEach(function (g) {
      var found = wanted !== "" && g.getAttribute("data-name").indexOf(wanted) >= 0;
      g.setAttribute("class", found ? "found" : "");
    });
  });
})();
]]></script>
</svg>
]=]

local function escape(text)
  return (text:gsub("[&<>\"%c\128-\255]", function(c)
    local named = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;"}
    return named[c] or "?"
  end))
end

-- A warm colour, always the same for a name.
local function colour(name)
  local hash = 0
  for i = 1, #name do
    hash = (hash * 31 + name:byte(i)) % 65521
  end
  return ("rgb(%d,%d,%d)"):format(205 + hash % 50, 80 + hash % 130, 30 + hash % 50)
end

local function depth(node)
  local deepest = 0
  for _, child in ipairs(node.children) do
    deepest = math.max(deepest, depth(child))
  end
  return deepest + 1
end

return function(root, unit, opts)
  local width = opts.width or 1200
  local height = depth(root) * ROW + 70
  local title = escape(opts.title or "Flame graph")
  local parts = {
    head:format(width, height, width, height, math.floor(width / 2), title, width - 10,
      height - 10),
  }
  local whole = math.max(root.total, 1)

  local function draw(node, before, row)
    local x, w = before / whole * width, node.total / whole * width
    if w < SMALLEST then
      return
    end
    local y = height - 30 - (row + 1) * ROW
    local letters = math.floor((w - 6) / LETTER)
    local label = letters < 3 and "" or #node.name <= letters and node.name
      or node.name:sub(1, letters - 2) .. ".."
    local name = escape(node.name)
    parts[#parts + 1] = frame:format(x / width * 1e6, w / width * 1e6, row, name, name, node.total,
      escape(unit), 100 * w / width, x, y, w, ROW - 1, colour(node.name), x + 3, y + 12,
      escape(label))
    for _, child in ipairs(node.children) do
      draw(child, before, row + 1)
      before = before + child.total
    end
  end
  draw(root, 0, 0)
  parts[#parts + 1] = script:format(width, LETTER)
  return table.concat(parts)
end
