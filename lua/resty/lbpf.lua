return require "lbpf.nginx"
