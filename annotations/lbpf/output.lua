---@meta lbpf.output

---@class lbpf.output
local output = {}

--- A writer.
---@param opts? table `columns` of rows, a list of {name, width}: the width in characters, negative for values at the right, none for the last one; with `title`, by default the name in capitals, and `show`, a function that makes text of the value; `format`: "text", "json" or "csv"; `write`: a function that gets each line, by default to standard output, which is flushed after each line
---@return lbpf.output # 
function output.new(opts) end

--- Writes the columns' titles, in text and CSV; the first row does so, too.
function output:head() end

--- Writes a line of JSON: an object.
---@param members table a list of {name, value}
function output:line(members) end

--- Writes a row.
---@param row table values by column; those that are nil are left out, but for `time`: the time of day, if there is such a column
function output:row(row) end

--- Writes a table anew: over the last one on a terminal, else below it.
---@param rows table a list of rows, for `row`
function output:table(rows) end

--- Writes maps of a tracer.
---@param tracer lbpf.tracer 
---@param names string[] of the maps
function output:maps(tracer, names) end

--- Writes what a tracer's programs could not do, to standard error.
---@param tracer lbpf.tracer 
function output:problems(tracer) end

return output
