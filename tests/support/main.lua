-- busted's command line, for whichever Lua runs this.
require "busted.runner"({standalone = false})
