---@meta lbpf.text

---@class lbpf.text
local text = {}

--- The value as it is shown in a table.
---@param value any any
---@return string # 
function text.show(value) end

--- Pads a string with spaces.
---@param s string 
---@param width integer in characters; negative: the string is at the right
---@return string # 
function text.pad(s, width) end

--- A table with aligned columns, numbers at the right.
---@param rows table a list of lists of values
---@param head? string[] the columns' names
---@return string # lines without a newline at the end
function text.table(rows, head) end

--- A count with a binary suffix: 8192 is 8K.
---@param n number 
---@return string # 
function text.short(n) end

--- An amount of memory or data with a unit: 1536 is "1.50 KiB".
---@param n number 
---@return string # 
function text.bytes(n) end

--- A duration with a unit: 1500 is "1.50 us".
---@param nanoseconds number 
---@return string # in ns, us, ms, s; from a minute on "2m05s", "1h02m05s"
function text.duration(nanoseconds) end

--- The time of day.
---@param seconds? integer since 1970; absent: now
---@return string # "23:59:59"
function text.time(seconds) end

--- An internet address as text.
---@param address string 4 or 16 bytes
---@return string # "127.0.0.1", "::1"
function text.ntop(address) end

--- The same, but an IPv4 address that is mapped into IPv6 is shown as one of IPv4.
---@param address string 4 or 16 bytes
---@return string # 
function text.address(address) end

--- The bytes of an internet address.
---@param address string "127.0.0.1", "::1"
---@return string|nil # 4 or 16 bytes; nil if it is no address
function text.pton(address) end

--- A line of a CSV file, as RFC 4180 has it.
---@param cells table a list of values; `cells.n` of them, if it has holes
---@return string # without a newline at the end
function text.csv(cells) end

--- The range of a bucket by powers of 2.
---@param bucket integer -1: negative, 0: zero, n: from 2^(n-1) to below 2^n
---@return string # 
function text.log2_range(bucket) end

--- The range of a bucket of equal steps.
---@param bucket integer counted from 0; -1: below `shape.min`; one more than the last: above
---@param shape table `min`, `max`, `step`
---@return string # 
function text.linear_range(bucket, shape) end

--- A histogram: one line for each bucket, with a bar.
---@param buckets table in order, a list of {range, count}
---@return string # lines without a newline at the end
function text.histogram(buckets) end

--- The buckets of a histogram from the first to the last that is not empty, also those between.
---@param counts table bucket = count
---@param range function the name of a bucket, `log2_range` for example
---@param shape? table for `linear_range`
---@return table # a list of {range, count}, for `histogram`
function text.buckets(counts, range, shape) end

--- A heat map: a line for each bucket, the greatest first, and a character for each interval, the
--- darker the more was counted.
---@param columns table a list of tables bucket = count, one for each interval
---@param range function the name of a bucket, `log2_range` for example
---@param shape? table for `linear_range`
---@return string # lines without a newline at the end
function text.heat_map(columns, range, shape) end

return text
