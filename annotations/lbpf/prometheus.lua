---@meta lbpf.prometheus

---@class lbpf.prometheus
local prometheus = {}

--- The media type of the text.
prometheus.content_type = ""

--- Declares metrics.
--- Each is a table: `name`; `type`: "counter", "gauge" or "histogram"; `help`; `map`: a typed map,
--- of an object that is loaded by now: every key is a sample, values of several CPUs being added up,
--- and those of keys with the same labels; `labels`: a list of fields of the key, or label = field,
--- or label = function of the key (what is not UTF-8 in a string is shown as U+FFFD); `value`: a
--- field of the value, or a function of it; `unit`: what values are multiplied by. Instead of a map,
--- a counter or gauge may have `read`, a function.
--- 
--- A histogram's value is, or has as its field `slots`, an array of counts, and perhaps a field
--- `sum`; or a field `slot` of the key says which slot the value counts, and `slots` is how many
--- there are. `scale` is "log2": slot i counts values from 2^i to 2^(i+1) - 1, slot 0 also the 0; or
--- "linear": from i * `step` to (i+1) * `step` - 1. The last slot counts all that is larger, too.
---@param list table[] of metrics
---@return lbpf.prometheus.metrics # 
function prometheus.new(list) end

---@class lbpf.prometheus.metrics
local metrics = {}

--- The metrics as they are now, in Prometheus' text format.
---@return string # 
function metrics:text() end

return prometheus
