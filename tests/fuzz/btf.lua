-- Writes the bytes of an object file's BTF: btf.lua FILE
io.write(require("lbpf.core").btf_parse_elf(arg[1]):raw_data())
