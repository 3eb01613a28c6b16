-- How long block devices take, as a histogram: biolatency.lua [-h]
require "lbpf.tool" {
  name = "biolatency",
  about = "How long block devices take for a request, as a histogram.",
  options = function(parser)
    parser:flag("-D --disks", "A histogram for each disk.")
    parser:flag("-F --flags", "A histogram for each kind of request: R, W, WS, ...")
    parser:flag("-Q --queued", "With the time that requests wait in the kernel.")
  end,
  maps = {"usecs"},
  programs = function(args, only)
    local keys = (args.disks and ", args.dev >> 20, args.dev & 0xfffff" or "")
      .. (args.flags and ", args.rwbs" or "")
    local start = only .. [[ since[{args.dev, args.sector}] = nsecs ]]
    return {
      [args.queued and "tp/block/block_rq_insert" or "tp/block/block_rq_issue"] = start,
      -- a request that goes to the device at once is not inserted
      [args.queued and "tp/block/block_rq_issue" or 1] = args.queued
        and "if not since[{args.dev, args.sector}] then " .. start .. " end" or nil,
      ["tp/block/block_rq_complete"] = ([[
        local at = since[{args.dev, args.sector}]
        if at then
          hist("usecs", (nsecs - at) // 1000%s)
          since[{args.dev, args.sector}] = nil
        end ]]):format(keys),
    }
  end,
}
