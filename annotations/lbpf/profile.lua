---@meta lbpf.profile

---@class lbpf.profile
local profile = {}

--- An empty profile.
---@param opts? table `unit`: of what is counted ("samples"); `type`: what is counted, for pprof ("samples")
---@return lbpf.profile # 
function profile.new(opts) end

--- Adds a stack.
---@param frames string[] from the root to the leaf
---@param count? number 1 if absent; 64-bit integers become numbers
function profile:add(frames, count) end

--- How much was counted in all.
---@return number # 
function profile:total() end

--- Folded stacks, as flame graph tools read them: a line each, "main;work;spin 12".
---@return string # 
function profile:folded() end

--- A flame graph: one SVG file, in which a browser zooms by a click and finds names.
---@param opts? table `title`; `width` in pixels (1200)
---@return string # 
function profile:svg(opts) end

--- The profile in pprof's format, not compressed, for `go tool pprof`, Parca or Pyroscope.
---@param opts? table `time`: when it began, in seconds since 1970; `duration` in seconds; `period`: how much one sample stands for
---@return string # bytes
function profile:pprof(opts) end

return profile
