-- Calls of functions that fit a pattern: funccount.lua [-h] PATTERN
--
--   funccount.lua 'vfs_*'                         functions of the kernel
--   funccount.lua 'uprobe:libc.so.6:str*'         of a library or program
--   funccount.lua 'tracepoint:sched:*'            tracepoints
require "lbpf.tool" {
  name = "funccount",
  about = "Calls of functions that fit a pattern: 'vfs_*' in the kernel, 'uprobe:libc.so.6:str*', "
    .. "'tracepoint:sched:*'.",
  options = function(parser)
    parser:argument("pattern", "With * and ?; more than one, with commas between.")
  end,
  columns = {{"function", 40}, {"count", -12}},
  maps = {"calls"},
  programs = function(args, only)
    local probe = args.pattern:find("[:/]") and args.pattern or "kprobe:" .. args.pattern
    local by = (probe:match("^t") or probe:match("^raw")) and "probe" or "func"
    return {[probe] = ("%s count(\"calls\", %s)"):format(only, by)}
  end,
  report = function(tracer, _, out)
    local rows = {}
    for _, row in ipairs(tracer:rows("calls")) do
      table.insert(rows, 1, {["function"] = row.text[1], count = row.value})
    end
    out:table(rows)
  end,
}
