-- busted's command line, for whichever Lua runs this.
pcall(require, "luv") -- busted forgets what a file of specs loads; luv, loaded again, crashes
require "busted.runner"({standalone = false})
