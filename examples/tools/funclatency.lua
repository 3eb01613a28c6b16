-- How long functions take, as histograms: funclatency.lua [-h] FUNCTION
--
--   funclatency.lua vfs_read                      a function of the kernel
--   funclatency.lua 'uprobe:libc.so.6:fsync'      of a library or program
require "lbpf.tool" {
  name = "funclatency",
  about = "How long functions take, as histograms: vfs_read in the kernel, "
    .. "'uprobe:libc.so.6:fsync'.",
  options = function(parser)
    parser:argument("pattern", "A function, or a pattern with * and ?.")
    parser:flag("-F --functions", "A histogram for each function.")
  end,
  maps = {"nsecs"},
  -- Of functions that call each other the innermost is measured, as one time stamp is kept for each
  -- thread and function.
  programs = function(args, only)
    local file, name = args.pattern:match("^uprobe:(.+):([^:]+)$")
    local enter, exit = "kprobe.multi/" .. args.pattern, "kretprobe.multi/" .. args.pattern
    if file then
      enter = ("uprobe.multi/%s:%s"):format(file, name)
      exit = ("uretprobe.multi/%s:%s"):format(file, name)
    elseif not args.pattern:find("[*?]") then
      enter, exit = "kprobe/" .. args.pattern, "kretprobe/" .. args.pattern
    end
    return {
      [enter] = only .. [[ since[{tid, func}] = nsecs ]],
      [exit] = ([[
        local at = since[{tid, func}]
        if at then
          hist("nsecs", nsecs - at%s)
          since[{tid, func}] = nil
        end ]]):format(args.functions and ", func" or ""),
    }
  end,
}
