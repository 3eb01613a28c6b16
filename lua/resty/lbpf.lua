--- `lbpf.nginx`, under the name that OpenResty's users look for.
-- @module resty.lbpf
return require "lbpf.nginx"
