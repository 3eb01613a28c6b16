rockspec_format = "3.0"
package = "lbpf"
version = "scm-1"
source = {
  url = ".", -- luarocks make, in the tree
}
description = {
  summary = "The whole of libbpf in Lua: load, attach and read BPF programs",
  detailed = [[
lbpf opens compiled BPF objects, loads and attaches them, and reads their maps and events, from a
script or inside nginx/OpenResty. A Lua script can teach libbpf new SEC() names.]],
  license = "BSD-2-Clause",
  labels = {"bpf", "ebpf", "libbpf", "tracing", "linux"},
}
supported_platforms = {"linux"}
dependencies = {
  "lua >= 5.1",
  -- the command lbpf also wants "argparse"
}
external_dependencies = {
  LIBBPF = {header = "bpf/libbpf.h", library = "bpf"},
  LIBELF = {header = "libelf.h", library = "elf"},
}
build = {
  type = "make",
  build_target = "module",
  build_variables = {
    CFLAGS = "$(CFLAGS)",
    LUA_INCDIR = "$(LUA_INCDIR)",
  },
  install_target = "install",
  install_variables = {
    LUA_INCDIR = "$(LUA_INCDIR)",
    INST_LIBDIR = "$(LIBDIR)",
    INST_LUADIR = "$(LUADIR)",
    INST_BINDIR = "$(BINDIR)",
    INST_MANDIR = "$(PREFIX)/man/man1",
    INST_COMPLETIONDIR = "$(PREFIX)/completion",
    INST_ANNOTATIONDIR = "$(PREFIX)/annotations",
  },
}
