std = "max" -- any Lua from 5.1 on, and LuaJIT
max_line_length = 100
codes = true
files["tests/**/*_spec.lua"].std = "+busted"
files["tests/nginx/bench.lua"].std = "+busted"
files["examples/*/*.lua"].read_globals = {ngx = {other_fields = true, read_only = false}}
files["tests/support/programs"].read_globals = {"host"}
files["lua/lbpf/nginx"].read_globals = {ngx = {other_fields = true, read_only = false}}
