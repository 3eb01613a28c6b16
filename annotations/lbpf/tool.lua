---@meta lbpf.tool

local tool

--- Runs a tool with the arguments in the global table `arg`; ends the process if it fails.
---@param spec table `name`; `about`: what it does; `programs` for `lbpf.trace`, or a function that returns them for the arguments and the text of a test, which ends a program for a process that is not wanted; and if needed: - `options`: a function that adds options to the parser, of argparse - `compile`: options of `lbpf.compile` - `columns` of rows, see `lbpf.output`: each event of `emit` is a row with these of its fields - `rows`: by the name of an event, a function that changes its row and returns it, or nil if there is nothing to write; called with the row, the arguments, and a function that writes one - `maps`: names of those that are shown at the end, and at each interval - `report`: a function that shows them instead, called with the tracer, the arguments and the output - `start`: a function called once the programs are attached, with the same; it may return timers, seconds = function
function tool(spec) end

return tool
