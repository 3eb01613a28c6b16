--- Threads that end.
local thread_exit = {}

--- Each has libbpf print something.
function thread_exit.printed()
  local before
  for round = 1, 30 do
    assert(host.threads(16, "require('lbpf.core').link_open(('x'):rep(2000))") == 0)
    before = round == 10 and host.allocated() or before
  end
  local grown = host.allocated() - before
  assert(grown < 100000, "grown by " .. grown)
end

return thread_exit
