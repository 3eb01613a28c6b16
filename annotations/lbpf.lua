---@meta lbpf

---@class lbpf.aggregate
local aggregate = {}

--- What is known of the events: a list with a table for each group, in the order in which these
--- appeared.
--- In it are the values of the fields in `by`, at 1, 2 ...; `count`: how many events; and for
--- each operation a table by field: `row.sum.bytes`. A histogram has the counts of values by powers of
--- 2: `row.hist.bytes[n]` is that of values from 2^(n-1) to below 2^n, zeros are at 0, negative values
--- at -1; `text.buckets` and `text.histogram` show it. Where Lua has no integers of 64 bits, sums are
--- as events' fields of that size.
---@return table # the list
function aggregate:rows() end

--- Forgets all events.
---@return boolean # true
function aggregate:reset() end

--- Returns counters, which begin with the declaration or with `reset`.
---@return table # `events`: how many came; `dropped`: how many of these belong to no group, for there were `max_entries` already, or not enough memory; `entries`: how many groups there are
function aggregate:stats() end

---@class lbpf.btf
local btf = {}

--- Closes the BTF.
--- Using dumps of it, and BTF on top of it, is an error after that. A second call
--- has no effect.
---@return boolean # true
function btf:close() end

--- Adds a string, unless the BTF has it already.
---@param text string 
---@return integer|nil # its offset, see `btf:str_by_offset`
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_str(text) end

--- Looks for a string.
---@param text string 
---@return integer|nil # its offset; nil if the BTF does not have it
function btf:find_str(text) end

--- Adds a copy of a type from other BTF.
--- The ids in it are not changed, and the types that it
--- refers to are not copied.
---@param from lbpf.btf 
---@param id integer of the type in that
---@return integer|nil # id of the copy
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_type(from, id) end

--- Adds copies of all types of other BTF.
--- The copies have new ids.
---@param from lbpf.btf without a base; with libbpf 1.7 or newer it may have the same base
---@return integer|nil # id of the first copy
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_btf(from) end

--- Removes duplicate types and strings.
--- Type ids change. If it fails, some may have been removed.
---@param opts? table `btf_ext`: a `btf_ext_new` of the same types, whose ids are changed as well; `force_collisions` (boolean): for libbpf's own tests
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function btf:dedup(opts) end

--- Puts the types in another order.
---@param ids integer[] the new id of each type, without those of the base
---@param opts? table `btf_ext`: a `btf_ext_new` of the same types, whose ids are changed as well
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if an id is given twice, EOPNOTSUPP before libbpf 1.7
function btf:permute(ids, opts) end

--- Makes a small base, with only those types of the BTF's base that it refers to, and a copy of
--- the BTF on top of that.
--- `btf:relocate` can then put it on another kernel's types.
---@return lbpf.btf|nil # the small base
---@return lbpf.btf|string # the copy on top of it
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.5
function btf:distill_base() end

--- Puts BTF with a distilled base on another base.
---@param base lbpf.btf 
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if the base lacks a type, EOPNOTSUPP before libbpf 1.5
function btf:relocate(base) end

--- Writes all types as one header, "vmlinux.h" if it is the kernel's BTF, so that BPF programs
--- that include it find fields where the running kernel has them.
--- For BTF on top of a base, the types
--- that it needs of the base are written, too.
---@param fn? function called with the text, piece by piece; without it the text is returned
---@return string|lbpf.btf|nil # the text; itself if there is a function
---@return string|nil # message
---@return integer|nil # the error number
function btf:dump_c(fn) end

--- Writes a section .BTF.ext: the function and the line of instructions, and the relocations by
--- which libbpf adjusts them to the kernel's types.
--- Call it before `btf:raw_data`, because it adds
--- strings to the BTF. It has this machine's byte order.
--- 
---    local ext = types:ext_data {
---      func_info = {{section = "xdp", offset = 0, type = func}},
---      line_info = {{section = "xdp", offset = 0, file = "a.lua", line = 1, source = "return 2"}},
---      core_relo = {{section = "xdp", offset = 8, type = task, access = "0:3",
--- 		    kind = "field_byte_offset"}},
---    }
---@param info table up to three lists of tables, in any order. All have `section`, the name, and `offset`, that of the instruction in the section, in bytes. `func_info`: a function starts there; `type`: the id of its `btf:add_func`. `line_info`: instructions from there on belong to a line; `file`, `line`, `column`, `source`, its text. `core_relo`: `type`: the id; `access`: which part of it, in LLVM's notation, "0:2:1"; `kind`: what the relocation is of: "field_byte_offset", "field_byte_size", "field_exists", "field_signed", "field_lshift_u64", "field_rshift_u64", "type_id_local", "type_id_target", "type_exists", "type_size", "enumval_exists", "enumval_value", "type_matches"
---@return string # the section's bytes
function btf:ext_data(info) end

--- Adds an integer type.
---@param name string 
---@param size integer 1, 2, 4, 8 or 16 bytes
---@param encoding? string "signed", "char" or "bool"; else it is unsigned
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_int(name, size, encoding) end

--- Adds a type of floating point numbers.
---@param name string 
---@param size integer 2, 4, 8, 12 or 16 bytes
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_float(name, size) end

--- Adds a type of pointers.
---@param type integer id of what they point to; 0: void
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_ptr(type) end

--- Adds "volatile" and a type.
---@param type integer id
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_volatile(type) end

--- Adds "const" and a type.
---@param type integer id
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_const(type) end

--- Adds "restrict" and a type.
---@param type integer id
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_restrict(type) end

--- Adds another name of a type.
---@param name string 
---@param type integer id
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_typedef(name, type) end

--- Adds a tagged type, as `__attribute__((btf_type_tag(value)))` makes it.
---@param value string 
---@param type integer id
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_type_tag(value, type) end

--- Adds a type with an attribute.
---@param value string the attribute
---@param type integer id
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.6
function btf:add_type_attr(value, type) end

--- Adds a type that is only declared.
---@param name string 
---@param kind string "struct", "union" or "enum"
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_fwd(name, kind) end

--- Adds a type of arrays.
---@param index_type integer id of an integer type
---@param type integer id of an element
---@param nelems integer how many elements
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_array(index_type, type, nelems) end

--- Adds a structure, without fields yet.
---@param name? string 
---@param size integer in bytes
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_struct(name, size) end

--- Adds a union, without fields yet.
---@param name? string 
---@param size integer in bytes
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_union(name, size) end

--- Adds a field to the last type, which must be a structure or a union.
---@param name? string 
---@param type integer id
---@param offset integer in bits; 0 in a union; below 16777216 for a bitfield
---@param bitfield_size? integer in bits, up to 255: only for a bitfield
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_field(name, type, offset, bitfield_size) end

--- Adds an enum, without values yet.
---@param name? string 
---@param size integer 1, 2, 4 or 8 bytes
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_enum(name, size) end

--- Adds a value to the last type, which must be an enum.
--- With a negative value the enum is signed.
---@param name string 
---@param value integer of 32 bits, signed or not
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_enum_value(name, value) end

--- Adds an enum whose values may have 64 bits, without values yet.
---@param name? string 
---@param size integer 1, 2, 4 or 8 bytes
---@param signed? boolean 
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_enum64(name, size, signed) end

--- Adds a value to the last type, which must be an enum of 64 bits.
---@param name string 
---@param value integer 
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_enum64_value(name, value) end

--- Adds a function.
---@param name string 
---@param linkage string "static", "global" or "extern"
---@param type integer id of a `btf:add_func_proto`
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_func(name, linkage, type) end

--- Adds a type of functions, without parameters yet.
---@param type integer id of the result; 0: void
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_func_proto(type) end

--- Adds a parameter to the last type, which must be one of functions.
---@param name? string nil, with type 0, for "..."
---@param type integer id
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_func_param(name, type) end

--- Adds a variable.
---@param name string 
---@param linkage string "static", "global" or "extern"
---@param type integer id
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_var(name, linkage, type) end

--- Adds a section of variables, without any yet.
---@param name string ".maps" or ".bss", for example
---@param size integer in bytes
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_datasec(name, size) end

--- Adds a variable to the last type, which must be a section of variables.
---@param var integer id of a `btf:add_var`
---@param offset integer in the section, in bytes
---@param size integer in bytes
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_datasec_var_info(var, offset, size) end

--- Adds a tag of a declaration, as `__attribute__((btf_decl_tag(value)))` makes it.
---@param value string 
---@param type integer id of a struct, union, func, var or typedef
---@param component_idx? integer a field or parameter, counted from 0; -1 or nil: the type itself
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number
function btf:add_decl_tag(value, type, component_idx) end

--- Adds an attribute of a declaration.
---@param value string the attribute
---@param type integer id of a struct, union, func, var or typedef
---@param component_idx? integer as for `btf:add_decl_tag`
---@return integer|nil # id
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.6
function btf:add_decl_attr(value, type, component_idx) end

--- The number of types, including those of the base, and void, which is 0.
--- Ids are smaller.
---@return integer # 
function btf:type_cnt() end

--- The base BTF.
---@return lbpf.btf|nil # nil if there is none
function btf:base_btf() end

--- Finds the first type with a name.
---@param name string 
---@return integer|nil # its id; nil if there is none
function btf:find_by_name(name) end

--- Finds the first type with a name and kind.
---@param name string 
---@param kind string|integer "int", "struct", "func", see `btf:type_by_id`
---@return integer|nil # its id; nil if there is none
function btf:find_by_name_kind(name, kind) end

--- Finds the first enumeration with an enumerator of this name.
---@param name string "BPF_ANY"
---@return integer|nil # the enumeration's id; nil if there is none
function btf:find_enumerator(name) end

--- A type, as a table: `id`, `kind`, `name` unless it has none, and what its kind has.
--- References
--- to other types are ids.
--- 
--- - "int": `size` in bytes, `bits`, `offset` of the lowest bit, `signed`, `char`, `bool`
--- - "ptr", "typedef", "volatile", "const", "restrict", "type_tag": `type`; a tag also `attribute`
--- - "array": `type`, `index_type`, `nelems`
--- - "struct", "union": `size`, `members`, a list of `name`, `type`, `offset` in bits and, for a
---  bitfield, `bitfield_size` in bits
--- - "enum", "enum64": `size`, `signed`, `values`, a list of `name`, `value`
--- - "fwd": `fwd_kind`, "struct" or "union"
--- - "func": `type`, `linkage`, "static", "global" or "extern"
--- - "func_proto": `type` of the result, `params`, a list of `name`, `type`
--- - "var": `type`, `linkage`, "static", "global" or "extern"
--- - "datasec": `size`, `vars`, a list of `type`, `offset`, `size`
--- - "float": `size`
--- - "decl_tag": `type`, `component_idx` counted from 0, -1 for the type itself, `attribute`
---@param id integer 
---@return table|nil # nil if there is no such type
function btf:type_by_id(id) end

--- Returns an iterator over the types, without those of the base.
---@return function # iterator; it returns the result of `btf:type_by_id`
function btf:each_type() end

--- Removes typedefs and modifiers from a type.
---@param id integer 
---@return integer|nil # an id
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if there is no such type, or more than 32 are nested
function btf:resolve_type(id) end

--- The size of values of a type.
---@param id integer 
---@return integer|nil # bytes
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for types without values
function btf:resolve_size(id) end

--- The alignment of values of a type.
---@param id integer 
---@return integer|nil # bytes
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for types without values
function btf:align_of(id) end

--- The string at an offset in the BTF's strings.
---@param offset integer in bytes
---@return string|nil # nil beyond the end of the strings
function btf:str_by_offset(offset) end

--- The same as `btf:str_by_offset`.
---@param offset integer in bytes
---@return string|nil # nil beyond the end of the strings
function btf:name_by_offset(offset) end

--- The BTF as bytes, without those of its base.
---@return string|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function btf:raw_data() end

--- The descriptor of the BTF in the kernel.
---@return integer|nil # nil if it is not loaded
function btf:fd() end

--- Creates a codec for a type of this BTF.
---@param type string|integer "event", "struct event", "u64", or its number in the BTF
---@param opts? table as for `object:codec`
---@return lbpf.codec|nil # 
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if there is no such type
function btf:codec(type, opts) end

--- Sets the descriptor that the BTF has in the kernel.
---@param fd? integer|lbpf.object it is duplicated; nil: none
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function btf:set_fd(fd) end

--- The size of pointers in the types that the BTF describes.
---@return integer # bytes, 0 if it is unknown
function btf:pointer_size() end

--- Sets the size of pointers.
---@param size integer 4 or 8 bytes
---@return lbpf.btf # itself
function btf:set_pointer_size(size) end

--- The order of bytes in the BTF.
---@return string # "little" or "big"
function btf:endianness() end

--- Sets the byte order in which `btf:raw_data` returns bytes.
---@param order string "little" or "big"
---@return lbpf.btf # itself
function btf:set_endianness(order) end

--- Loads the BTF into the kernel, which keeps it while this object has its descriptor.
---@return lbpf.btf|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function btf:load_into_kernel() end

---@class lbpf.btf_dump
local btf_dump = {}

--- Ends the dump; the BTF can be changed again.
--- A second call has no effect.
---@return boolean # true
function btf_dump:close() end

--- Writes a type's definition, and those that it needs and were not written yet.
---@param id integer 
---@return string|lbpf.btf_dump|nil # the text; itself if the dump has a function, which got the text
---@return string|nil # message
---@return integer|nil # the error number
function btf_dump:dump_type(id) end

--- Writes a type as in a declaration: "int (*f)(int)".
--- The definition of an anonymous type is
--- written there.
---@param id integer 
---@param opts? table `field_name`: what is declared; `indent_level` of all lines but the first, 0 to 100; `strip_mods`: without const, volatile and restrict
---@return string|lbpf.btf_dump|nil # the text; itself if the dump has a function, which got the text
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if C has no such type
function btf_dump:emit_type_decl(id, opts) end

--- Writes a value of a type: "(struct point){.x = (int)1,}".
---@param id integer 
---@param data string the value's bytes, at least as many as `btf:resolve_size` says
---@param opts? table `indent_str`, up to 31 bytes; `indent_level`, 0 to 100; `compact`: one line; `skip_names`; `emit_zeroes`: members that are 0, too; `emit_strings`: char arrays as strings
---@return string|lbpf.btf_dump|nil # the text; itself if the dump has a function, which got the text
---@return integer|string # how many bytes of the data were shown
---@return integer|nil # the error number: EINVAL for a type that has no values
function btf_dump:dump_type_data(id, data, opts) end

---@class lbpf.btf_ext
local btf_ext = {}

--- Frees it.
--- A second call has no effect.
---@return boolean # true
function btf_ext:close() end

--- The section as bytes, with the changes of `btf:dedup`.
---@return string|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function btf_ext:raw_data() end

--- The byte order of the section.
---@return string|nil # "little" or "big"
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.5
function btf_ext:endianness() end

--- Sets the byte order of `btf_ext:raw_data`.
---@param order string "little" or "big"
---@return lbpf.btf_ext|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.5
function btf_ext:set_endianness(order) end

---@class lbpf.buffer
local buffer = {}

--- Waits for events, and calls the functions for all that have arrived.
---@param timeout? integer in milliseconds; nil or -1: without limit; 0: do not wait
---@return integer|nil # how many events were delivered; 0 at the timeout, if a signal arrived that Lua handles, or if a perf buffer lost events and none arrived. If events keep coming, about as many as the buffers hold. If a function returned false, the remaining events are delivered by the next call
---@return string|nil # message
---@return integer|nil # the error number
function buffer:poll(timeout) end

--- Calls the functions for the events that have arrived.
--- Does not wait.
---@return integer|nil # how many events were delivered
---@return string|nil # message
---@return integer|nil # the error number
function buffer:consume() end

--- The same with at most so many events, with every libbpf.
---@param n integer at least 1
---@return integer|nil # how many events were delivered
---@return string|nil # message
---@return integer|nil # the error number
function buffer:consume_n(n) end

--- Returns the next event of any map or CPU.
--- The functions for events are not called; a perf
--- buffer's function for lost events is.
---@param timeout? integer in milliseconds; nil or -1: without limit; 0: do not wait
---@param ahead? integer how many events of a perf buffer to copy at once, for this and the next calls; nil: as many as there are, up to 256 KiB. With 1, no event is taken from the buffer before it is returned; so it is for a ring buffer with any number
---@return any|nil # the event: its bytes, a table, or a value for each field; nil at the timeout, or if a signal arrived that Lua handles. A perf buffer's event is followed by its CPU
---@return string|nil # message
---@return integer|nil # the error number
function buffer:next(timeout, ahead) end

--- Returns an iterator over events: `for pid, comm in ring:events() do`, or `for bytes, cpu in
--- perf:events() do`.
--- The first field is never nil. The loop's body may yield, and close the buffer's
--- object. The loop ends when no event arrived before the timeout.
---@param timeout? integer for each event, in milliseconds; nil or -1: without limit
---@return function # iterator
function buffer:events(timeout) end

--- Returns a descriptor for event loops.
--- It becomes readable when events arrive; a ring buffer's
--- stays so while there are some. Then call `poll(0)`, `consume` or `next(0)` until there are no more.
--- The buffer owns the descriptor.
---@return integer|nil # the descriptor
---@return string|nil # message
---@return integer|nil # the error number
function buffer:epoll_fd() end

--- Returns an object for `cqueues.poll`: a table with fields `pollfd` and `events`.
---@return table|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function buffer:pollable() end

--- Closes the buffer.
--- A ring's events that were not delivered stay in the map; those of a perf
--- buffer are dropped. A second call has no effect.
---@return boolean # true
function buffer:close() end

---@class lbpf.codec
local codec = {}

--- Turns bytes into a value: integers, booleans, floating point numbers, strings (of char arrays,
--- up to their zero), and tables for structures (by name), unions (every member) and arrays (from 1).
--- An array at the end has the elements that are there, one without a length as many as there are.
---@param bytes string as many as the type has; they may end inside of an array
---@return any # value; with option `fields` one for each field
function codec:decode(bytes) end

--- Turns a value into bytes.
--- Members that a table does not have are zero. Of a value that was read
--- and then changed only the changes are written: what it does not say stays, for example bytes behind
--- a string's zero, and the other members of a union. Members of a union that a table of the script's
--- own has must say the same.
---@param value any as `decode` returns it; structures and arrays may also be given as bytes
---@return string # 
function codec:encode(value) end

--- The type's size, or that of a part of it.
---@param part? string "comm", "file.name", "stack[1]"
---@return integer # in bytes; of a bit field those of its type
function codec:size(part) end

--- Where a part of the type is: `bytes:sub(offset + 1, offset + size)` are its bytes.
---@param part string "comm", "file.name", "stack[1]"
---@return integer # in bytes, from 0
---@return integer|nil # of a bit field: where it starts in that byte, and how many bits it has
function codec:offset(part) end

---@class lbpf.fd
local fd = {}

--- The descriptor's number.
--- The object still owns the descriptor.
---@return integer # 
function fd:fileno() end

--- Reads from the descriptor, for example from one that `lbpf.iter_create` returned.
---@param size? integer how many bytes to read at most, 1 to 2^30; nil: read to the end
---@return string|nil|nil # the bytes; nil at the end; without a size, "" at the end
---@return string|nil # message
---@return integer|nil # the error number
function fd:read(size) end

--- Closes the descriptor.
--- Closing it twice has no effect.
---@return boolean # true
function fd:close() end

---@class lbpf.lines
local lines = {}

--- The functions at an offset of the file.
---@param offset integer in the file
---@return table[]|nil # the innermost first, each inlined in the next: `name`, as the linker has it, `file` and `line`, as far as they are known; nil if nothing is known
function lines:find(offset) end

--- Frees the information.
--- Closing twice is harmless.
---@return boolean # true
function lines:close() end

---@class lbpf.link
local link = {}

--- Destroys the link, which detaches the program unless the link is pinned.
--- The link is freed even
--- if this fails. A second call has no effect.
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number
function link:destroy() end

--- Detaches the program in the kernel.
--- The link stays, without a program.
---@return lbpf.link|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP if links of this type cannot be detached
function link:detach() end

--- Disconnects the link from what it attached: `link:destroy` and the end of the object then only
--- free memory, and the program stays attached as long as the process runs.
--- This leaks the attachment
--- and its descriptor on purpose.
---@return lbpf.link # itself
function link:disconnect() end

--- Replaces the attached program atomically: every event is seen by one of the two programs.
---@param prog lbpf.program loaded, of any object, and of the same type
---@return lbpf.link|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if links of this type cannot be updated
function link:update_program(prog) end

--- Replaces the attached struct_ops map.
--- Replacing it by itself has no effect.
---@param map lbpf.map of SEC(".struct_ops.link"), of any object
---@return lbpf.link|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.2, EINVAL for a link that is not of SEC(".struct_ops.link")
function link:update_map(map) end

--- The link's file descriptor.
--- The link owns it.
---@return integer # 
function link:fd() end

--- Returns what the kernel knows about the link.
---@return table|nil # `type` ("xdp", "tracing", ...; a number where libbpf has no name), `id` and `prog_id`
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP if the kernel has no link for this attachment
function link:info() end

--- Pins the link in a BPF file system: the program stays attached when the process ends.
---@param path string of the new file
---@return lbpf.link|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function link:pin(path) end

--- Removes the link's file in the BPF file system.
---@return lbpf.link|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function link:unpin() end

--- The path at which the link is pinned.
---@return string|nil # 
function link:pin_path() end

---@class lbpf.linker
local linker = {}

--- Adds an object file.
--- After an error the linker can only be closed.
---@param path string 
---@return lbpf.linker|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function linker:add_file(path) end

--- Adds an open object file.
---@param fd integer|lbpf.object|file* a descriptor that can be read
---@return lbpf.linker|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function linker:add_fd(fd) end

--- Adds an object file in memory.
---@param bytes string 
---@return lbpf.linker|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function linker:add_buf(bytes) end

--- Links the files that were added, and writes the result.
---@return lbpf.linker|nil # itself, which can only be closed after that
---@return string|nil # message
---@return integer|nil # the error number
function linker:finalize() end

--- Closes the linker.
--- A file that was not finalized stays as it is. A second call has no effect.
---@return boolean # true
function linker:close() end

---@class lbpf.links
local links = {}

--- Destroys all links, even if one of them fails.
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number
function links:destroy() end

--- Detaches all links in the kernel.
---@return lbpf.links|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function links:detach() end

--- Disconnects all links from what they attached.
---@return lbpf.links # itself
function links:disconnect() end

--- Replaces the program of all links, one after the other, even if one of them fails.
---@param prog lbpf.program 
---@return lbpf.links|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function links:update_program(prog) end

--- Returns what the kernel knows about the links.
---@return table[]|nil # the result of `link:info` for each link
---@return string|nil # message
---@return integer|nil # the error number
function links:info() end

---@class lbpf.map
local map = {}

--- Registers a struct_ops map, for example a congestion control.
---@return lbpf.link|nil # for SEC(".struct_ops") it lasts as long as the object; for SEC(".struct_ops.link") (libbpf 1.2, kernel 6.4) it can be pinned, and updated with `link:update_map`
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if the map is not struct_ops, EBUSY or EEXIST if it is registered
---@return string|nil # all that libbpf and the kernel logged
function map:attach_struct_ops() end

--- The map's name.
---@return string # 
function map:name() end

--- The map's type.
---@return string|integer # "hash"; a number where libbpf has no name for it
function map:type() end

--- The size of a key in bytes.
---@return integer # 
function map:key_size() end

--- The size of a value in bytes; of a per-CPU map, on one CPU.
---@return integer # 
function map:value_size() end

--- How many entries the map can have; of a ring buffer, its size in bytes.
---@return integer # 
function map:max_entries() end

--- The flags that the map is created with.
---@return integer # BPF_F_... bits
function map:map_flags() end

--- A property that depends on the map's type, for example the number of hash functions of a Bloom
--- filter.
---@return integer # of 64 bits
function map:map_extra() end

--- The NUMA node of the map's memory, if flag BPF_F_NUMA_NODE is set.
---@return integer # 
function map:numa_node() end

--- The network device that the map is offloaded to.
---@return integer # 0: none
function map:ifindex() end

--- The type of the keys, as its number in the object's BTF.
---@return integer # 0: unknown
function map:btf_key_type_id() end

--- The type of the values, as its number in the object's BTF.
---@return integer # 0: unknown
function map:btf_value_type_id() end

--- Does the map hold global variables, as ".bss" and ".rodata" do?
---@return boolean # 
function map:is_internal() end

--- Will the map be created with its object?
---@return boolean # 
function map:autocreate() end

--- The map's file descriptor.
--- The object owns it.
---@return integer # 
function map:fd() end

--- Sets whether the map will be created with its object.
--- A program that uses a map that was not
--- created cannot be loaded.
---@param autocreate boolean 
---@return lbpf.map # itself
function map:set_autocreate(autocreate) end

--- Changes the map's type.
---@param type string|integer "hash"; arrays of programs, maps of maps, arenas and struct_ops cannot change their type, and no other map can become one of these
---@return lbpf.map # itself
function map:set_type(type) end

--- Changes the size of a key.
---@param size integer in bytes, 0 to 2^32 - 1
---@return lbpf.map # itself
function map:set_key_size(size) end

--- Changes the size of a value.
--- With libbpf 1.3 and newer, a map of global variables can grow: its
--- last variable, which must be an array, becomes longer.
---@param size integer in bytes, 0 to 2^32 - 1
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.3 for global variables
---@return string|nil # all that libbpf and the kernel logged
function map:set_value_size(size) end

--- Changes the maximum number of entries; for a ring buffer its size in bytes, which libbpf rounds
--- up to a valid size.
---@param max_entries integer 0 to 2^32 - 1; an arena, whose unit is a page, can only grow
---@return lbpf.map # itself
function map:set_max_entries(max_entries) end

--- Changes the flags that the map is created with.
---@param flags integer|string|table BPF_F_... bits; a name, "no_prealloc", or a list of names
---@return lbpf.map # itself
function map:set_map_flags(flags) end

--- Changes the property that depends on the map's type.
---@param map_extra integer of 64 bits
---@return lbpf.map # itself
function map:set_map_extra(map_extra) end

--- Changes the NUMA node, which is used if flag BPF_F_NUMA_NODE is set.
---@param numa_node integer 0 to 2^32 - 1
---@return lbpf.map # itself
function map:set_numa_node(numa_node) end

--- Offloads the map to a network device.
---@param ifindex integer 0 to 2^32 - 1
---@return lbpf.map # itself
function map:set_ifindex(ifindex) end

--- Will `object:attach` attach the struct_ops map?
---@return boolean|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.5
function map:autoattach() end

--- Sets whether `object:attach` will attach the struct_ops map.
---@param autoattach boolean 
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for other maps, EOPNOTSUPP before libbpf 1.5
function map:set_autoattach(autoattach) end

--- The only program that may use the map.
---@return lbpf.program|nil|nil # nil: every program may
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.7
function map:exclusive_program() end

--- Lets only one program use the map.
---@param prog lbpf.program of the same object
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.7
function map:set_exclusive_program(prog) end

--- Deletes all keys; sets all elements of an array to zero; empties a queue or stack.
--- What others
--- add meanwhile may stay.
---@return integer|nil # how many; for an xskmap, which cannot be read, its maximum number of entries
---@return string|nil # message
---@return integer|nil # the error number
function map:clear() end

--- Returns an iterator over keys and values: `for key, value in map:pairs() do`.
--- In Lua 5.2 and
--- newer `pairs(map)` is the same. Entries are read in batches if the kernel supports it. A key that
--- stays in the map is returned once; one that is added or deleted meanwhile may be returned or not.
--- The loop's body may change the map.
---@param opts? table `reuse`: true: an entry is read into the tables of the one before, for the key and for the value where they are structures or arrays: the loop makes no garbage; copy what you keep
---@return function # iterator; with `fields` it returns the key and a value for each field
function map:pairs(opts) end

--- Counts the keys.
---@return integer|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function map:count() end

--- Reads a value.
--- Keys and values are Lua values of the types in the map's definition: integers,
--- strings (char arrays), tables (structures and arrays). A string of exactly the right size is taken
--- as the bytes of a structure or array; for an integer it is the number that it says. A value of a
--- per-CPU map is a list, see `per_cpu`. A key of an array of any kind is an integer from 0, whatever
--- the definition says. A value of a stack trace map is a list of addresses; with build ids it is a
--- list of tables with `build_id` (hexadecimal) and `offset`, or with `ip`. Keys and values without a
--- type are bytes; those of per-CPU maps are lists of bytes. A value that is written as a descriptor
--- (maps of maps, programs, sockets) is read as an id. `lbpf.map_lookup(map, key, flags)` also takes
--- descriptors, for which keys and values are bytes.
---@param key any nil for a queue or stack: reads the next value; for a Bloom filter the value to look for
---@param into? table may be left out: a table that is filled and returned. The members or elements are set, also in the tables that it has for some of them, and lists end with the last element; what else is in it stays. Nothing is changed if there is no such key
---@param flags? string|integer "lock": under the value's spin lock; 8: of the CPU in the upper 32 bits, Linux 7.0
---@return any|nil # the value, or with `fields` one result for each field; nil if there is no such key
---@return string|nil # message
---@return integer|nil # the error number
function map:lookup(key, into, flags) end

--- Reads a value and deletes its key atomically; removes the next value of a queue or stack.
--- Also
--- `lbpf.map_lookup_and_delete(map, key, flags)`.
---@param key any nil for a queue or stack
---@param into? table as for `map:lookup`
---@param flags? string|integer "lock": under the value's spin lock
---@return any|nil # the value; nil if there is no such key, or if the queue or stack is empty
---@return string|nil # message
---@return integer|nil # the error number: ENOTSUPP if maps of this type do not support it
function map:lookup_and_delete(key, into, flags) end

--- Writes a value.
--- Also `lbpf.map_update(map, key, value, flags)`.
---@param key any nil for a queue, stack or Bloom filter. A table of keys and values as the only argument writes all of them, in one system call if the kernel supports that; see `map:update_batch`
---@param value any members that a table does not have are zero; for a per-CPU map a list with a value for each possible CPU; if values are maps, programs, sockets or cgroups, an object or a descriptor; for a cgroup also the path of its directory
---@param flags? string|table|integer "any" (the default), "noexist": only a new key, "exist": only an existing key, "lock": under the value's spin lock; a list of these; or bits
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EEXIST, ENOENT, E2BIG if the map is full
function map:update(key, value, flags) end

--- Deletes a key.
--- Also `lbpf.map_delete(map, key, flags)`.
---@param key any 
---@param flags? integer 
---@return boolean|nil # true; false if there is no such key
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if keys of this type of map cannot be deleted
function map:delete(key, flags) end

--- Returns the key after the given one, in no particular order.
--- Also `lbpf.map_get_next_key(map,
--- key)`.
---@param key any nil, or a key that does not exist: returns the first key
---@return any|nil # the key; nil after the last one
---@return string|nil # message
---@return integer|nil # the error number
function map:next_key(key) end

--- Adds a value to a queue, a stack or a Bloom filter.
---@param value any 
---@param flags? string|integer "exist": if the map is full, removes the oldest value
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: E2BIG if the map is full
function map:push(value, flags) end

--- Removes the next value of a queue or stack, and returns it.
---@return any|nil # the value; nil if the map is empty
---@return string|nil # message
---@return integer|nil # the error number
function map:pop() end

--- Returns the next value of a queue or stack without removing it.
---@return any|nil # the value; nil if the map is empty
---@return string|nil # message
---@return integer|nil # the error number
function map:peek() end

--- Uses an existing map in place of this one, which will not be created.
---@param fd integer|lbpf.fd|lbpf.map of the map; it is duplicated. A map with global variables must have exactly the same layout.
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function map:reuse_fd(fd) end

--- Returns the template of a map of maps, as its file defines it.
---@return table|nil # name, type, key_size, value_size, max_entries, map_flags, numa_node, map_extra, as the methods of those names; nil if the file has no template, after the load, and for other maps
function map:inner_map() end

--- Sets the template of a map of maps, once.
---@param fd integer|lbpf.fd|lbpf.map of the template; it is duplicated
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for other maps, or if there is a template already
---@return string|nil # all that libbpf and the kernel logged
function map:set_inner_map_fd(fd) end

--- Returns the bytes with which a map of global variables, an arena, or with libbpf 1.5 a
--- struct_ops map is created.
--- For a map of global variables that exists: its current bytes.
---@return string|nil|nil # nil for other maps
---@return string|nil # message
---@return integer|nil # the error number
function map:initial_value() end

--- Changes the bytes with which a map of global variables or an arena is created.
---@param data string must have the length of `map:initial_value`
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for other maps, and for ".kconfig"
function map:set_initial_value(data) end

--- Creates another view of the same map.
---@param opts table `raw`: true: keys and values are bytes; "key", "value": only those are; `fields`: only these fields of a value, each as a result of its own: `for key, pid, comm in map:view{fields = {"pid", "comm"}}:pairs()`; `bytes`, `enum_names`, `numbers`: as for `object:codec`; `key`, `value`: names of types, if the map's definition has none; `layout`: their declarations in C, see `lbpf.layout`, of which the last is the value's type without `value`; `btf`: BTF that has them
---@return lbpf.map_view # with the methods for elements
function map:view(opts) end

--- Returns the types of keys and values.
--- A type is a table with `kind`: "unsigned", "signed",
--- "bool", "float", "enum", "string" (an array of char), "bytes" (no other representation), "struct"
--- (or a union) or "array"; and with `size` in bytes. The type of a structure is also a list of the
--- types of its members, each with its `name`. That of an array has the type of its elements at 1,
--- their size as `size`, and `count`.
---@return table|nil # the type of the keys; nil if they are bytes
---@return table|nil # the type of the values; with `fields` one result for each field
function map:types() end

--- Pins the map in a BPF file system.
---@param path? string of the new file; must be the map's pin path if it has one; nil: the pin path
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function map:pin(path) end

--- Removes the map's file.
---@param path? string must be the map's pin path if it has one; nil: the pin path
---@return lbpf.map|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function map:unpin(path) end

--- Sets where the map will be pinned, by `object:load`, `map:pin` or `object:pin_maps`.
--- If a map
--- is pinned there already, `object:load` uses it.
---@param path? string nil: the map will not be pinned
---@return lbpf.map # itself
function map:set_pin_path(path) end

--- The path at which the map is or will be pinned.
---@return string|nil # 
function map:pin_path() end

--- Is the map pinned?
---@return boolean # 
function map:is_pinned() end

--- Deletes many keys of a map.
--- Keys that do not exist are skipped. Also
--- `map:delete_batch(keys, opts)`.
---@param keys table a list of strings
---@param opts? table `elem_flags`, `flags`
---@return integer|nil # how many keys were deleted
---@return string|nil # message: which entry was refused
---@return integer|nil # error number
---@return integer|nil|nil # how many were deleted before it; nil after EFAULT, when it is unknown
function map:delete_batch(keys, opts) end

--- Makes the map read-only for system calls, permanently; BPF programs can still write it.
--- Also
--- `map:freeze()`.
---@return integer|lbpf.fd|lbpf.map|nil # the first argument
---@return string|nil # message
---@return integer|nil # the error number: EPERM, in older kernels EBUSY, if it is frozen already, EBUSY while it is mapped for writing
function map:freeze() end

--- Reads all entries of a map, and deletes each as it is read: what another process writes
--- meanwhile is either in the result or still in the map.
--- Also `map:lookup_and_delete_batch(opts)`.
---@param opts? table like those of `map_lookup_batch`
---@return table|nil # list of keys
---@return table|string # list of values, in the same order
---@return string|nil|integer # like that of `map_lookup_batch`
---@return table|nil # what was read and deleted: `keys`, `values`, `out_batch`
function map:lookup_and_delete_batch(opts) end

--- Reads all entries of a map, many per system call.
--- If others change the map meanwhile, the call
--- still ends, and no key is returned twice. Also `map:lookup_batch(opts)`.
---@param opts? table `count`: stop after about so many entries (a hash returns whole buckets); `in_batch`: continue where the last call stopped; `elem_flags` (4: under the values' spin locks), `flags`
---@return table|nil # list of keys
---@return table|string # list of values, in the same order; of a per-CPU map lists with the values of all CPUs
---@return string|nil|integer # with `count`: `in_batch` for the next call; nil at the end
---@return table|nil # what was read: `keys`, `values`, `out_batch`
function map:lookup_batch(opts) end

--- Writes many entries of a map.
--- Also `map:update_batch(keys, values, opts)`.
---@param keys table a list of strings
---@param values table a list of the same length
---@param opts? table `elem_flags`: "any" (the default), "noexist", "exist" or bits; kernels so far accept only 4, under the values' spin locks; `flags`
---@return integer|lbpf.fd|lbpf.map|nil # the first argument
---@return string|nil # message: which entry was refused
---@return integer|nil # error number
---@return integer|nil|nil # how many entries were written before it; nil after EFAULT, when it is unknown
function map:update_batch(keys, values, opts) end

---@class lbpf.map_view : lbpf.map
local map_view = {}

--- The map's descriptor.
--- The view owns it.
---@return integer # 
function map_view:fd() end

--- Closes a view that has a descriptor of its own.
--- A second call has no effect.
---@return boolean # true
function map_view:close() end

---@class lbpf.object
---@field progs table<string, lbpf.program>
---@field maps table<string, lbpf.map>
---@field links table<string, lbpf.link|lbpf.links>
---@field vars table<string, any>
local object = {}

--- Attaches every program whose section names a target, and with libbpf 1.5 every struct_ops map,
--- as a skeleton does.
--- Programs that are attached already, or whose autoattach is off, are skipped. If
--- one fails, those that this call attached are detached again.
---@return lbpf.object|nil # itself
---@return table|nil|string # what was passed over because its section does not say to what: by the program's name, how it is attached, "attach it with program:attach_xdp()"; nil if there is none
---@return integer|nil # the error number
function object:attach() end

--- Destroys all links of the object, however they were created, as a skeleton's detach function
--- does, even if one of them fails.
--- The object can be attached again. Pinned links stay attached.
---@return lbpf.object|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function object:detach() end

--- Iterates over the variables, as pairs(object.vars) does from Lua 5.2 on.
---@return function # for a loop: the name and the value of each; the number, if several have that name
function object:each_variable() end

--- Does the first part of loading: relocates programs, creates maps, and pins those with a pin
--- path.
--- `object:load` does the rest.
---@return lbpf.object|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.6
---@return string|nil # all that libbpf and the kernel logged
function object:prepare() end

--- Loads the object's programs and maps into the kernel.
---@return lbpf.object|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: The message ends with the end of the verifier's log.
---@return string|nil # all that libbpf and the kernel logged
function object:load() end

--- Makes a program that loads the object, as in a light skeleton, instead of loading it.
--- After
--- that the object can only be closed.
---@param opts? table the fields of gen_loader_opts that are not results: `gen_hash` (boolean)
---@return table|nil # `insns`, a program of type "syscall", and `data`, the value of the map to which it refers; both as bytes
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function object:gen_loader(opts) end

--- The kernel version for which programs are loaded, as KERNEL_VERSION() encodes it.
---@return integer # the running kernel's, unless the file or `object:set_kversion` sets another
function object:kversion() end

--- Sets the kernel version, which kernels before 5.0 compare with their own for kprobes.
---@param kern_version integer 0 to 2^32 - 1
---@return lbpf.object # itself
function object:set_kversion(kern_version) end

--- The descriptor of the BPF token with which the object is loaded.
--- The object owns it.
---@return integer|nil|nil # nil without a token
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.5
function object:token_fd() end

--- Closes the object: destroys its links, and frees its programs and maps unless something else
--- refers to them.
--- Using a program, map or link of a closed object is an error. A second call has no
--- effect. In a forked process this frees only what that process owns; the other process keeps its
--- programs attached. If a finalizer calls this during another method, the memory is freed with the
--- last handle.
---@return boolean # true
function object:close() end

--- The kernel's log of the load, up to option `kernel_log_size` of `open`.
---@return string|nil # the text; nil if the object was opened without that option
function object:kernel_log() end

--- The object's name: its file's name up to the first dot, or option `object_name`.
---@return string # 
function object:name() end

--- Closes the descriptors of all programs of the object, as `program:unload` does for one.
--- A
--- process with such a descriptor may attach the program, so processes that are forked and drop their
--- privileges should not inherit them. Links, pins and maps keep their programs.
---@return lbpf.object # itself
function object:close_program_fds() end

--- Returns the object's BTF, which is closed with the object.
---@return lbpf.btf|nil # nil if the object has none
function object:btf() end

--- The descriptor of the object's BTF in the kernel.
---@return integer|nil # nil before the load, and if there is none
function object:btf_fd() end

--- Creates a codec, which converts between bytes and values of a type in the object's BTF.
---@param type? string|integer "event", "struct event", "u64", or its number in the BTF
---@param opts? table `fields`: decode only these, as one result for each ("pid", "file.name", "stack[1]", "data[length]"); `bytes`: true, or a list of names: char arrays with all their bytes, not those before the first zero; `enum_names` (boolean): enums as names, if they have one; `numbers` (boolean): 64-bit integers as numbers in LuaJIT, rounded beyond 2^53; `layout`: declarations in C in which the type is found, see `lbpf.layout`, the last one if `type` is nil; `btf`: other BTF that has it
---@return lbpf.codec|nil # 
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if there is no such type
function object:codec(type, opts) end

--- Returns the program after the given one, in the order of the file.
---@param prog? lbpf.program nil: return the first
---@return lbpf.program|nil # nil after the last one
function object:next_program(prog) end

--- Returns the program before the given one, in the order of the file.
---@param prog? lbpf.program nil: return the last
---@return lbpf.program|nil # nil before the first one
function object:prev_program(prog) end

--- Returns the map after the given one, in the order of the file.
---@param map? lbpf.map nil: return the first
---@return lbpf.map|nil # nil after the last one
function object:next_map(map) end

--- Returns the map before the given one, in the order of the file.
---@param map? lbpf.map nil: return the last
---@return lbpf.map|nil # nil before the first one
function object:prev_map(map) end

--- Returns an iterator over the programs, in the order of the file.
---@return function # iterator
function object:each_program() end

--- Returns an iterator over the maps, in the order of the file.
---@return function # iterator
function object:each_map() end

--- Finds a program by its name.
--- An unknown name is not an error, unlike in `object.progs.NAME`.
---@param name string of the C function
---@return lbpf.program|nil # 
function object:find_program_by_name(name) end

--- Finds a map by its name.
---@param name string of the C variable, or ".rodata"
---@return lbpf.map|nil # 
function object:find_map_by_name(name) end

--- The descriptor of the map with this name.
--- The object owns it.
---@param name string of the C variable, or ".rodata"
---@return integer|nil # nil if there is no such map
function object:find_map_fd_by_name(name) end

--- Pins all maps and programs in a directory, by their names with dots replaced by underscores.
--- If
--- one cannot be pinned, none is.
---@param path string of the directory in a BPF file system; created if its parent exists
---@return lbpf.object|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function object:pin(path) end

--- Removes the files of all programs and maps from a directory.
---@param path string of the directory
---@return lbpf.object|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.3
---@return string|nil # all that libbpf and the kernel logged
function object:unpin(path) end

--- Pins the maps.
---@param path? string of a directory; nil: the pin path of each map that has one
---@return lbpf.object|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function object:pin_maps(path) end

--- Removes the files of the maps.
---@param path? string of the directory; nil: the maps' pin paths
---@return lbpf.object|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function object:unpin_maps(path) end

--- Pins the programs.
---@param path string of a directory
---@return lbpf.object|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function object:pin_programs(path) end

--- Removes the files of the programs.
---@param path string of the directory
---@return lbpf.object|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function object:unpin_programs(path) end

---@class lbpf.per_cpu
local per_cpu = {}

--- The sum over all CPUs.
---@param field? string the member of a structure
---@return integer # 
function per_cpu:sum(field) end

--- The largest value.
---@param field? string the member of a structure
---@return integer # 
function per_cpu:max(field) end

--- The smallest value.
---@param field? string the member of a structure
---@return integer # 
function per_cpu:min(field) end

--- The mean over all possible CPUs.
---@param field? string the member of a structure
---@return number # 
function per_cpu:avg(field) end

---@class lbpf.perf_buffer : lbpf.buffer
local perf_buffer = {}

--- Calls the function for the events in one CPU's buffer, after those of any CPU that were read
--- but not delivered.
---@param index integer from 0 to `buffer_cnt` - 1
---@return integer|nil # how many events were delivered
---@return string|nil # message
---@return integer|nil # the error number
function perf_buffer:consume_buffer(index) end

--- The number of buffers: one for each online CPU, or for each of option `cpus`.
---@return integer # 
function perf_buffer:buffer_cnt() end

--- The descriptor of the perf event behind one CPU's buffer.
--- The perf buffer owns it.
---@param index integer from 0 to `buffer_cnt` - 1
---@return integer # a descriptor
function perf_buffer:buffer_fd(index) end

--- Copies the memory to which the kernel writes one CPU's events.
---@param index integer from 0 to `buffer_cnt` - 1
---@return string # a page with struct perf_event_mmap_page, and the pages of the records
function perf_buffer:buffer(index) end

--- Returns counters.
---@return table # `events` and `bytes`: delivered; `lost`: events that did not fit into the buffer; `waiting`: about how many bytes of records are not delivered yet
function perf_buffer:stats() end

---@class lbpf.poller
local poller = {}

--- Adds a descriptor to wait for.
---@param fd integer|lbpf.fd|lbpf.map a descriptor, or an object that has one
---@return lbpf.poller|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function poller:add(fd) end

--- Catches signals: `poller:wait` returns them, and they do not reach the process until the poller
--- is closed.
---@param names string[] "INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "WINCH", "CHLD"
---@return lbpf.poller|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function poller:catch(names) end

--- Waits until a descriptor is readable or a signal arrives.
---@param seconds? number at most; nil: without limit
---@return integer[]|nil # the descriptors that are readable or at their end; none at the timeout
---@return string[]|string # the signals that arrived
---@return integer|nil # the error number
function poller:wait(seconds) end

--- Closes the poller, and restores the signal mask.
--- A second call has no effect.
---@return boolean # true
function poller:close() end

---@class lbpf.prog_linfo
local prog_linfo = {}

--- Returns the line of an instruction.
---@param insn_off integer the instruction's index in the program as the kernel runs it, from 0
---@param nr_skip? integer how many records to skip, to continue after an earlier result; nil: 0
---@return table|nil # `insn_off` of the line's first instruction, `file`, `line`, `col`, and `text` of the line; nil if there is none. `file` and `text` are nil if the program's BTF cannot be read
function prog_linfo:lfind(insn_off, nr_skip) end

--- Returns the line of an address in the machine code.
---@param addr integer 
---@param func_idx integer the index of the function in the program, from 0
---@param nr_skip? integer how many records to skip; nil: 0
---@return table|nil # as for `prog_linfo:lfind`; nil if there is none, or if the kernel shows no addresses
function prog_linfo:lfind_addr_func(addr, func_idx, nr_skip) end

--- Frees the lines.
--- A second call has no effect.
---@return boolean # true
function prog_linfo:close() end

---@class lbpf.program
local program = {}

--- Attaches the program as its section says: by the script's handler, or by libbpf's.
---@return lbpf.link|nil # or what the handler's prog_attach_fn returned: a link, or a list of links, which has a link's methods
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP if the section does not name a target
function program:attach() end

--- Attaches to many kernel functions in one call.
--- The program must be SEC("fentry.multi"),
--- SEC("fexit.multi") or SEC("fsession.multi"), or one of these with ".s". For functions of a kernel
--- module, the section names it: SEC("fentry.multi/module:pattern").
---@param pattern? string of function names, with * and ?; "module:pattern" for those of a module; nil if ids are given. Functions whose arguments cannot be traced are left out.
---@param opts? table `ids`: a list of the functions' ids in the BTF of the kernel or of the module; `cookies`: a list of 64-bit integers of the same length, for bpf_get_attach_cookie
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for a program of another section, or if nothing matches, EOPNOTSUPP before libbpf 1.8
---@return string|nil # all that libbpf and the kernel logged
function program:attach_tracing_multi(pattern, opts) end

--- Attaches to the LSM hook that the program was loaded for.
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_lsm() end

--- Replaces a function of another program by this program.
---@param target_fd? lbpf.program|integer the other program, loaded; nil: the one that this was loaded for
---@param attach_func_name? string a global function of the target, with the same arguments; nil if target_fd is nil
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_freplace(target_fd, attach_func_name) end

--- Attaches an iterator.
--- `lbpf.iter_create` then starts an iteration.
---@param opts? table what to iterate over, the fields of bpf_iter_link_info: `map_fd` (map or descriptor); or `order` ("self_only", "descendants_pre", "descendants_post", "ancestors_up") with `cgroup_fd` (descriptor, or path of the cgroup's directory) or `cgroup_id` (64 bits); or one of `tid`, `pid` and `pid_fd`
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_iter(opts) end

--- Associates the program with a struct_ops map, so that kernel functions that it calls know for
--- which map they are called.
---@param map lbpf.map of type "struct_ops"
---@param opts? table `flags`
---@return lbpf.program|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if the program is itself struct_ops, or the map is not, EOPNOTSUPP before libbpf 1.7
---@return string|nil # all that libbpf and the kernel logged
function program:assoc_struct_ops(map, opts) end

--- Attaches to a tracepoint.
---@param category string "syscalls"
---@param name string "sys_enter_openat"
---@param opts? table `bpf_cookie` (64 bits)
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_tracepoint(category, name, opts) end

--- Attaches to a raw tracepoint.
---@param name string "sys_enter"
---@param opts? table `cookie` (64 bits; libbpf 1.4, kernel 6.10)
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_raw_tracepoint(name, opts) end

--- Attaches a program with BTF types (tp_btf, fentry, fexit, fmod_ret) to the target it was loaded
--- for.
---@param opts? table `cookie` (64 bits; for tp_btf libbpf 1.4, kernel 6.10)
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_trace(opts) end

--- Attaches to a perf event.
---@param event lbpf.fd|integer from `lbpf.perf_event_open`, which the link then owns; or the number of a descriptor, which is duplicated
---@param opts? table `bpf_cookie` (64 bits), `force_ioctl_attach` (boolean, libbpf 1.2), `dont_enable` (boolean, libbpf 1.7)
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_perf_event(event, opts) end

--- Attaches to the entry or the return of a function in a binary or a shared library.
---@param pid? integer 0: this process; nil: all
---@param binary_path string "libc.so.6", or a path
---@param func_offset? integer offset in the file, or in `func_name`
---@param opts? table `func_name`, `retprobe` (boolean), `bpf_cookie` (64 bits), `ref_ctr_offset`, `attach_mode`
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_uprobe(pid, binary_path, func_offset, opts) end

--- Attaches to many functions of a binary in one call: kernel 6.6.
--- The program must be
--- SEC("uprobe.multi"), or SEC("uprobe.session") for sessions.
---@param pid? integer 0: this process; nil: all
---@param binary_path string "libc.so.6", or a path
---@param func_pattern? string pattern of function names, with * and ?; nil if syms or offsets are given
---@param opts? table `syms`: a list of names, or `offsets`: a list of offsets in the file; `ref_ctr_offsets` and `cookies`: lists of 64-bit integers of the same length; `retprobe` (boolean); `session` (boolean): entry and return, libbpf 1.6
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.3
---@return string|nil # all that libbpf and the kernel logged
function program:attach_uprobe_multi(pid, binary_path, func_pattern, opts) end

--- Attaches to a statically defined probe of a binary.
---@param pid? integer 0: this process; nil: all
---@param binary_path string 
---@param provider string 
---@param name string 
---@param opts? table `usdt_cookie` (64 bits)
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP if the object was compiled for libbpf before 1.7 and this is 1.7, or the other way round
---@return string|nil # all that libbpf and the kernel logged
function program:attach_usdt(pid, binary_path, provider, name, opts) end

--- Attaches to the entry or the return of a kernel function.
---@param func_name string 
---@param opts? table `retprobe` (boolean), `bpf_cookie` (64 bits, for bpf_get_attach_cookie), `offset` into the function, `attach_mode` (0: best, 1: legacy, 2: perf, 3: link)
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_kprobe(func_name, opts) end

--- Attaches to the entry or the return of a system call, for the architecture's name of its
--- function.
---@param syscall_name string "nanosleep"
---@param opts? table `retprobe` (boolean), `bpf_cookie` (64 bits)
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_ksyscall(syscall_name, opts) end

--- Attaches to many kernel functions in one call.
--- The program must be SEC("kprobe.multi"), or
--- SEC("kprobe.session") for sessions.
---@param pattern? string of function names, with * and ?; nil if syms or addrs are given
---@param opts? table `syms`: a list of names, or `addrs`: a list of addresses; `cookies`: a list of 64-bit integers of the same length; `retprobe` (boolean); `session` (boolean): entry and return, libbpf 1.5; `unique_match` (boolean): fail unless the pattern matches exactly one function
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_kprobe_multi(pattern, opts) end

--- Attaches to a cgroup and all cgroups below it.
---@param cgroup_fd integer|string a descriptor, or the path of the cgroup's directory
---@param opts? table with libbpf 1.6 and kernel 6.17: `flags` ("before", "after", "replace", "preorder", ...), `relative_fd` or `relative_id`, `expected_revision` (64 bits), as for `program:attach_tcx`
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_cgroup(cgroup_fd, opts) end

--- Attaches a flow dissector or an sk_lookup program to a network namespace.
---@param netns_fd integer|string a descriptor, or a path: "/proc/self/ns/net"
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_netns(netns_fd) end

--- Attaches a parser or verdict program to a socket map, for what its sockets receive or send.
---@param map_fd lbpf.map|integer a map of type "sockmap" or "sockhash"
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.5; `lbpf.prog_attach` attaches without a link
---@return string|nil # all that libbpf and the kernel logged
function program:attach_sockmap(map_fd) end

--- Attaches an XDP program to a network interface.
---@param ifindex integer|string index or name of the interface
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:attach_xdp(ifindex) end

--- Attaches a TC program to an interface, without a qdisc: kernel 6.6.
---@param ifindex integer|string index or name of the interface
---@param opts? table the fields of bpf_tcx_opts: `flags`: bits, a name or a list of names ("before", "after", "replace"); `relative_fd`: the program or link, or its descriptor, before or after which this program runs, or `relative_id`: the id of a program, or of a link if "link" is among the flags; `expected_revision` (64 bits)
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.3
---@return string|nil # all that libbpf and the kernel logged
function program:attach_tcx(ifindex, opts) end

--- Attaches to a netkit device or, through it, to its peer: kernel 6.7.
---@param ifindex integer|string index or name of the primary device
---@param opts? table the fields of bpf_netkit_opts, as for `program:attach_tcx`
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.3
---@return string|nil # all that libbpf and the kernel logged
function program:attach_netkit(ifindex, opts) end

--- Attaches to a netfilter hook of this network namespace: kernel 6.4.
---@param opts table the fields of bpf_netfilter_opts: `pf` (2: IPv4, 10: IPv6), `hooknum` (0: prerouting, 1: input, 2: forward, 3: output, 4: postrouting), `priority` (unique for the hook, between -2^31 and 2^31 - 1, both excluded), `flags` ("ip_defrag": defragment first)
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.3
---@return string|nil # all that libbpf and the kernel logged
function program:attach_netfilter(opts) end

--- Loads a program of a prepared object, apart from the object: one may try it with other options,
--- or load it more than once.
---@param opts? table those of `lbpf.prog_load`; a field that is not given, or is 0, is as the object has it, except `log_level`. `attempts` has no effect.
---@return lbpf.fd|nil # a program that the object does not know of. The object's maps of constants are not bound to it: `lbpf.prog_bind_map` does that.
---@return string|nil|string # with `log_level`, the verifier's log
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.8
---@return string|nil # all that libbpf and the kernel logged
function program:clone(opts) end

--- Closes the program's descriptor: the kernel frees the program unless a link or a pin refers to
--- it.
--- The rest of the object stays.
---@return lbpf.program # itself
function program:unload() end

--- Returns the functions of the program.
--- libbpf knows them after it has relocated the program.
---@return table[]|nil # `insn_off`, the index of the first instruction, and `type_id`, the function's id in the object's BTF
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.6
function program:func_info() end

--- The length of `program:func_info`.
---@return integer|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.6
function program:func_info_cnt() end

--- Returns the source lines of the instructions.
---@return table[]|nil # `insn_off`, the index of the first instruction; `file_name_off` and `line_off`, offsets of the file name and the text in the strings of the object's BTF; `line_col`, 1024 times the line plus the column
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.6
function program:line_info() end

--- The length of `program:line_info`.
---@return integer|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.6
function program:line_info_cnt() end

--- The name of the program's C function.
---@return string # 
function program:name() end

--- The program's section.
---@return string # 
function program:section_name() end

--- The program's type.
---@return string|integer # "kprobe"; a number where libbpf has no name for it
function program:type() end

--- Changes the type.
--- In libbpf 1.3 and newer this removes libbpf's own handler of the section from
--- the program, and a script's handler that overrides libbpf's.
---@param type string|integer "kprobe"
---@return lbpf.program # itself
function program:set_type(type) end

--- The attach type for which the program is loaded.
---@return string|integer # "trace_kprobe_multi"
function program:expected_attach_type() end

--- Changes the attach type.
---@param type string|integer "trace_kprobe_multi"
---@return lbpf.program # itself
function program:set_expected_attach_type(type) end

--- The flags with which the program is loaded.
---@return integer # BPF_F_... bits
function program:flags() end

--- Changes the flags.
---@param flags integer|string|table BPF_F_... bits; a name, "sleepable", or a list of names
---@return lbpf.program # itself
function program:set_flags(flags) end

--- Will the program be loaded with its object?
---@return boolean # 
function program:autoload() end

--- Sets whether the program will be loaded with its object.
---@param autoload boolean 
---@return lbpf.program # itself
function program:set_autoload(autoload) end

--- Will `object:attach` attach the program?
---@return boolean # 
function program:autoattach() end

--- Sets whether `object:attach` will attach the program.
---@param autoattach boolean 
---@return lbpf.program # itself
function program:set_autoattach(autoattach) end

--- Offloads the program to a network device.
---@param ifindex integer 0 to 2^32 - 1
---@return lbpf.program # itself
function program:set_ifindex(ifindex) end

--- Sets the function of the kernel or of another BPF program to which a tracing program attaches.
---@param attach_prog_fd? lbpf.program|integer the program with the function, or its descriptor, which is duplicated; nil or 0: the kernel
---@param attach_func_name? string nil: as the section says, if the target is a program
---@return lbpf.program|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:set_attach_target(attach_prog_fd, attach_func_name) end

--- The program's file descriptor.
--- The object owns it.
---@return integer # 
function program:fd() end

--- How many instructions the program has.
---@return integer # 
function program:insn_cnt() end

--- A copy of the program's instructions, as struct bpf_insn of 8 bytes each.
---@return string # 
function program:insns() end

--- Replaces the program's instructions, in its own prog_prepare_load_fn.
--- libbpf has relocated them
--- by then; if they changed earlier, it would write beyond their end.
---@param insns string struct bpf_insn of 8 bytes each, 1 to 1,000,000 of them
---@return lbpf.program # itself
function program:set_insns(insns) end

--- The verbosity of the verifier's log.
---@return integer # 
function program:log_level() end

--- Sets the verbosity of the verifier's log.
---@param level integer 0: nothing unless the load fails; 1: jumps; 2: all; 4: statistics
---@return lbpf.program # itself
function program:set_log_level(level) end

--- Keeps the verifier's log of this program, for `program:log_buf`.
---@param size integer of the buffer in bytes, 128 to 2^28
---@return lbpf.program # itself
function program:set_log_buf(size) end

--- The verifier's log.
---@return string|nil # the text; nil without `program:set_log_buf`
function program:log_buf() end

--- Pins the program in a BPF file system.
---@param path string of the new file; its directory is created if its parent exists
---@return lbpf.program|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:pin(path) end

--- Removes the program's file.
---@param path string 
---@return lbpf.program|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function program:unpin(path) end

--- Makes a program keep a map that it does not use, for example one with metadata.
--- Also
--- `program:bind_map(map, opts)`.
---@param map integer|lbpf.fd|lbpf.map 
---@param opts? table `flags`
---@return integer|lbpf.fd|lbpf.program|nil # the first argument
---@return string|nil # message
---@return integer|nil # the error number
function program:bind_map(map, opts) end

--- Runs a program one or more times on input of the script.
--- Also `program:test_run(opts)`.
---@param opts? table `data_in` (a packet's bytes), `ctx_in` (the context's bytes, as the program's type has it), `repeat`, `flags` ("xdp_live_frames": send the frames of an XDP program), `cpu`, `batch_size`, `data_size_out` (the maximum size of the packet afterwards; by default large enough; 0: no packet), `ctx_size_out` (the same for the context; by default 0)
---@return table|nil # `retval`, `duration` (nanoseconds, average), `data_out`, `ctx_out`; a syscall program always has `ctx_out`
---@return string|nil # message
---@return integer|nil # the error number: ENOSPC if an output size is too small, ENOTSUPP (524) if programs of this type cannot be run
function program:test_run(opts) end

---@class lbpf.ring
local ring = {}

--- Calls this ring's function for the events that have arrived, after those of any ring that were
--- read but not delivered.
---@return integer|nil # how many events were delivered
---@return string|nil # message
---@return integer|nil # the error number
function ring:consume() end

--- The same, with at most so many events.
---@param n integer at least 1
---@return integer|nil # how many
---@return string|nil # message
---@return integer|nil # the error number
function ring:consume_n(n) end

--- How many bytes of the ring were read since the map was created.
---@return integer # 64 bits
function ring:consumer_pos() end

--- How many bytes of the ring were written since the map was created.
---@return integer # 64 bits
function ring:producer_pos() end

--- How many bytes wait in the ring, including 8 for the header of each event, and those that are
--- being delivered; `ring_buffer:stats` does not count these.
---@return integer # 
function ring:avail_data_size() end

--- The size of the ring.
---@return integer # bytes
function ring:size() end

--- A descriptor of the ring's map.
--- The ring buffer owns it.
---@return integer # 
function ring:map_fd() end

---@class lbpf.ring_buffer : lbpf.buffer
local ring_buffer = {}

--- Returns one of the rings.
---@param index integer from 0, in the order in which the maps were added
---@return lbpf.ring # 
function ring_buffer:ring(index) end

--- Returns counters.
---@return table # a list with a table for each map, in the order in which they were added: `events` and `bytes`: delivered; `waiting`: bytes that are not delivered yet, including 8 for the header of each event; `lost`: events that did not fit into the ring, if the program counts them in a global variable named after the map with `_lost` appended: `__u64 events_lost`
function ring_buffer:stats() end

--- Adds a map, which the same calls then read.
---@param map lbpf.map|lbpf.fd|integer of type ringbuf, or a descriptor of one
---@param fn? function|lbpf.aggregate|table called with each of its events, or what adds them up
---@param opts? table as for `ring_buffer`
---@return lbpf.ring_buffer|nil # itself
---@return string|nil # message
---@return integer|nil # the error number
function ring_buffer:add(map, fn, opts) end

---@class lbpf.symbols
local symbols = {}

--- The function at an address.
---@param address integer in the kernel, or the offset in the file
---@return string|nil # the function's name; nil if there is none
---@return integer|nil # the offset of the address in the function, in bytes
---@return string|nil # the kernel module that contains it
function symbols:find(address) end

--- The functions whose names fit a pattern, also where an address has several.
---@param pattern string with `*`, `?` and `[...]`
---@return string[] # their names
---@return integer[] # the address of each, or the offset in the file; in Lua 5.1 and 5.2 one that a number cannot represent is a string, "0xffffffff81000000"
function symbols:match(pattern) end

--- How many functions there are.
---@return integer # 
function symbols:count() end

--- The build id of the file.
---@return string|nil # bytes; nil if it has none
function symbols:build_id() end

--- Frees the symbols.
--- Closing twice is harmless.
---@return boolean # true
function symbols:close() end

---@class lbpf.tracer
---@field object lbpf.object
---@field maps table<string, lbpf.map>
---@field plan table
local tracer = {}

--- Sets the function for the events of a name: those of emit("name", ...), or "print".
---@param name string 
---@param fn function called with the values
---@return lbpf.tracer # itself
function tracer:on(name, fn) end

--- Sets the function for the events of emit() that have none of their own: as tables.
---@param fn function called with the event's name, and a table of its values by field; addresses, symbols and the like are text
---@return lbpf.tracer # itself
function tracer:on_row(fn) end

--- The descriptor to wait on, see `run`.
---@return integer|nil # nil if no program has events
function tracer:epoll_fd() end

--- Delivers the events that have arrived.
---@return integer # how many events; false once a program has called exit()
function tracer:consume() end

--- Ends `tracer:run`, or another loop that has this tracer, as exit() in a program does.
---@return lbpf.tracer # itself
function tracer:stop() end

--- What programs could not do, and how often: events that were lost, maps that were full, and
--- errors that Lua would have raised.
---@return table # a list of {place, message, count}
function tracer:problems() end

--- The entries of a map, sorted by value, the greatest last.
---@param name string of the map
---@return table # a list of tables: `keys`, a list of values; `text`, the keys as text; and `value`: of "stats" a table, of histograms bucket = count
function tracer:rows(name) end

--- Writes the contents of the maps, in the order of their names, and the problems: to standard
--- output, or to option `out`.
---@param name? string of one map; nil: all
---@return lbpf.tracer # itself
function tracer:show(name) end

--- Waits for events as `run` does, until something ends it; then runs the END programs.
---@param what? table options of `run`
---@return string # why it ended; "stop" after exit()
function tracer:run(what) end

--- Detaches the programs: maps keep what they have.
--- END can still run.
---@return lbpf.tracer # itself
function tracer:detach() end

--- Detaches and unloads the programs.
--- A second call has no effect.
---@return boolean # true
function tracer:close() end

---@class lbpf.user_ring_buffer
local user_ring_buffer = {}

--- Reserves a sample, to be written and then submitted or discarded.
---@param size integer bytes, 0 to 2^30 - 1; with a header of 8 bytes it must fit into the ring
---@return lbpf.user_ring_sample|nil # 
---@return string|nil # message
---@return integer|nil # the error number: ENOSPC if the ring is full now, E2BIG if the sample is too large for it
function user_ring_buffer:reserve(size) end

--- The same, but waits until BPF programs have drained enough.
---@param size integer bytes
---@param timeout? integer in milliseconds; nil or -1: without limit
---@return lbpf.user_ring_sample|nil # 
---@return string|nil # message
---@return integer|nil # the error number: ENOSPC if there was not enough space before the timeout, E2BIG if the sample is too large for the ring, EINTR if a signal arrived that Lua handles
function user_ring_buffer:reserve_blocking(size, timeout) end

--- Reserves, writes and submits a sample.
---@param value any its bytes, or a value of the type that the ring was created with
---@param timeout? integer to wait for space, in milliseconds; -1: without limit; nil: do not wait
---@return lbpf.user_ring_buffer|nil # itself
---@return string|nil # message
---@return integer|nil # the error number: as for `reserve` and `reserve_blocking`
function user_ring_buffer:send(value, timeout) end

--- Closes the ring buffer.
--- Reserved samples are discarded; submitted ones stay for BPF programs. A
--- second call has no effect.
---@return boolean # true
function user_ring_buffer:close() end

---@class lbpf.user_ring_sample
local user_ring_sample = {}

--- Writes bytes to the sample.
--- Bytes that are not written are zero.
---@param bytes string 
---@param offset? integer where they begin, from 0; nil: 0
---@return lbpf.user_ring_sample # itself
function user_ring_sample:write(bytes, offset) end

--- Submits the sample.
--- BPF programs see it after those that were reserved before it.
---@return boolean # true
function user_ring_sample:submit() end

--- Discards the sample: BPF programs skip it.
--- A sample that is collected is discarded. Until then,
--- samples that were reserved after it have to wait.
---@return boolean # true
function user_ring_sample:discard() end

---@class lbpf
local lbpf = {}

--- lbpf's version, as a string.
--- The rock and the Debian package have it from here.
lbpf._VERSION = ""

--- Compiles programs in Lua to a BPF object, for the running kernel's types and without a compiler
--- of C.
--- docs/probes.md describes the language.
--- 
---     local bytes, plan = assert(lbpf.compile {
---       ["tp/syscalls/sys_enter_openat"] = function(args)
---         print(pid, comm, str(args.filename))
---       end,
---     })
---     local object = assert(lbpf.open_mem(bytes))
--- 
--- With a field `c` it compiles a source in C instead, by clang: as if it included vmlinux.h, with
--- those types of the running kernel that it names. Then `clang` may name the compiler, `cflags` is
--- a list of more flags, and `btf` the path of other types than the kernel's. Objects are kept in
--- $XDG_CACHE_HOME/lbpf/objects or ~/.cache/lbpf/objects, unless `cache` is false, another user has
--- that directory, or others may write into it.
--- 
---     local bytes = assert(lbpf.compile {c = [[
---       #include <bpf/bpf_helpers.h>
---       char LICENSE[] SEC("license") = "GPL";
---       SEC("tp/syscalls/sys_enter_openat") int opened(void *ctx) { return 0; }
---     ]]})
---@param programs table SEC name = a function or its source as a string; a list of such pairs, where their order matters; or what has a field `c`
---@param opts? table of programs in Lua: `max_entries` of each map, 4096, and four times as many stacks; `maps`: by name, a table with `max_entries`; `type`: "lru_hash" for a map that values are assigned to, "lru_percpu_hash" for one that counts; `prealloc`: false: the kernel finds memory for an entry when it is added, so that a large map takes little time to make. Tracing programs can have such maps from Linux 6.1 on; `ring`: the bytes of the ring buffer, 262144; `str`: the bytes that str() reads, 64; `loops`: "may_goto", "bpf_loop" or "bounded", by default what the running kernel has; `rounds`: of a bounded loop at most, 1024; `arch`: "x86_64" or "arm64", by default this machine's; `portable`: false: fields, enumerators and records of tracepoints are where the running kernel has them, which loads faster; else libbpf finds them where it loads the object
---@return string|nil # the object's bytes
---@return any|string # of programs in Lua the plan, a table: `programs`, `maps`, `events`, `problems`, as `lbpf.trace` uses it; in C clang's warnings, a string, or nil
---@return integer|nil|nil # the error number if clang could not be run
function lbpf.compile(programs, opts) end

--- Waits for events and calls their functions, until Ctrl-C, SIGTERM or something else ends it.
--- Then it returns, and the script continues.
--- 
---     lbpf.run {ring, every = {[1] = report}}
---@param what table a list of ring and perf buffers with functions, and of tracers, which may end the loop; and `every`: seconds = function; `on`: descriptor = function, called while it is readable; `signals`: name = function, called instead of ending the loop for "INT" and "TERM"; `seconds`: when to end. A function that returns false ends the loop
---@return string # why it ended: "INT", "TERM", "time", or "stop" if a function returned false
function lbpf.run(what) end

--- Remembers the mappings of a process, so that its addresses have names after its end.
---@param pid integer 
function lbpf.watch_process(pid) end

--- Forgets a process, or all processes and files.
---@param pid? integer nil: all
function lbpf.forget_processes(pid) end

--- Whether debuginfod servers are asked for debug files that this machine has not: see
--- `elf_symbols`.
--- They are not unless this was called. What is known of files is forgotten.
---@param use boolean 
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP without libdebuginfod, EDESTADDRREQ if DEBUGINFOD_URLS names no server
function lbpf.use_debuginfod(use) end

--- The kernel function at an address.
--- The kernel's list is read by the first call.
---@param address integer 
---@return string|nil # its name; nil if there is none, or the kernel hides addresses
---@return integer|nil # the offset of the address in the function, in bytes
---@return string|nil # the module that contains it
function lbpf.ksym(address) end

--- The function at an address of a process.
---@param pid integer 
---@param address integer 
---@return string|nil # its name; nil if it is not known
---@return integer|nil # the offset of the address in the function, in bytes; without a name, that in the file
---@return string|nil # path of the file that contains it
function lbpf.usym(pid, address) end

--- The function at an offset of a program or library, which is read once.
---@param path string 
---@param offset integer in the file
---@return string|nil # its name; nil if it is not known
---@return integer|nil # the distance from its start, in bytes
function lbpf.fsym(path, offset) end

--- The source line at an address of a process, by the file's debugging information: see
--- `elf_lines`.
---@param pid integer 
---@param address integer 
---@return table[]|nil # the functions there, the innermost first, each inlined in the next: `name`, `file`, `line`; nil if they are not known
function lbpf.uline(pid, address) end

--- Names for the addresses of a stack.
---@param stack integer[] addresses, as a stack trace map has them
---@param pid? integer of the process, if addresses may be in user space
---@param opts? table `lines` (boolean): "name file.c:12" where that is known, and functions that are inlined as frames of their own
---@return string[] # a name for each; "[file]" or "[unknown]" where there is none
function lbpf.frames(stack, pid, opts) end

--- Compiles programs, loads them and attaches them.
---@param programs table spec = a function or its text, or a list of such pairs; a spec is a SEC() name or bpftrace's, "tracepoint:sched:sched_switch", "interval:1s", "BEGIN"
---@param opts? table those of `compile`; and `out`: a function that gets each line, instead of standard output; `pid`, as /proc has it here, and `cgroup`, a path: only for that, of programs that are given as text; `uprobe_pid`: uprobes are attached to this process alone, as with `pid`
---@return lbpf.tracer|nil # 
---@return string|nil # message: with the place in the program, if the compiler or the verifier refuses it; and the error number and libbpf's log, if it is not the compiler that does
function lbpf.trace(programs, opts) end

--- Attaches a program by descriptors, without a link: to a cgroup, a socket map, a network
--- namespace, or with libbpf 1.3 to an interface's tcx.
---@param prog_fd lbpf.program|integer 
---@param target integer|lbpf.map|string a descriptor, an object that has one, or a path, for example of a cgroup's directory; for tcx the interface
---@param type string|integer the attach type: "cgroup_inet4_connect", "sk_msg_verdict"
---@param opts? integer|string|table the flags: bits, a name ("allow_multi") or a list of names; or a table with fields of bpf_prog_attach_opts: `flags`, `replace_prog_fd`, and with libbpf 1.3 `replace_fd`, `relative_fd`, `relative_id`, `expected_revision` (64 bits), as for `program:attach_tcx`
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.prog_attach(prog_fd, target, type, opts) end

--- Detaches the program of an attach type.
---@param target integer|lbpf.map|string as for `lbpf.prog_attach`
---@param type string|integer the attach type
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if no program is attached
function lbpf.prog_detach(target, type) end

--- Detaches one program.
---@param prog_fd lbpf.program|integer 0: the one that opts describe
---@param target integer|lbpf.map|string as for `lbpf.prog_attach`
---@param type string|integer the attach type
---@param opts? table with libbpf 1.3 the fields of bpf_prog_detach_opts: `flags`, `relative_fd`, `relative_id`, `expected_revision` (64 bits)
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if the program is not attached
function lbpf.prog_detach2(prog_fd, target, type, opts) end

--- Starts an iteration.
--- Reading the descriptor runs the iterator program and returns its output.
---@param link lbpf.link|integer of `program:attach_iter`
---@return lbpf.fd|nil # see `fd:read`
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.iter_create(link) end

--- Opens a pinned link.
--- It belongs to no object: when it is destroyed or collected, its descriptor
--- is closed, and the program stays attached while the file exists.
---@param path string of the file in the BPF file system
---@return lbpf.link|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if the file is not a link
function lbpf.link_open(path) end

--- Attaches an XDP program to a network interface without a link: it stays attached until it is
--- detached or replaced, even when the process ends.
--- `program:attach_xdp` creates a link.
---@param ifindex integer|string index or name of the interface
---@param prog_fd lbpf.program|integer 
---@param flags? integer|string|table bits, `lbpf.XDP_FLAGS_...`; a name ("skb_mode") or a list of names
---@param opts? table `old_prog_fd`: replace this program and no other
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number: EBUSY if another program is attached that may not be replaced
---@return string|nil # all that libbpf and the kernel logged
function lbpf.xdp_attach(ifindex, prog_fd, flags, opts) end

--- Detaches the XDP program of a network interface.
---@param ifindex integer|string index or name of the interface
---@param flags? integer|string the mode in which it was attached
---@param opts? table `old_prog_fd`: detach this program and no other
---@return boolean|nil # true, also if there is no program
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.xdp_detach(ifindex, flags, opts) end

--- Returns the XDP programs of a network interface.
---@param ifindex integer|string index or name of the interface
---@param flags? integer|string at most one mode: "skb_mode", "drv_mode", "hw_mode"
---@return table|nil # `prog_id`, `drv_prog_id`, `hw_prog_id`, `skb_prog_id` (0: none), `attach_mode` (`lbpf.XDP_ATTACHED_...`); `feature_flags` (64 bits) with libbpf 1.2, `xdp_zc_max_segs` with 1.3
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.xdp_query(ifindex, flags) end

--- Returns the id of the XDP program of a network interface.
---@param ifindex integer|string index or name of the interface
---@param flags? integer|string at most one mode: "skb_mode", "drv_mode", "hw_mode"
---@return integer|nil|nil # the program's id; nil if there is none
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.xdp_query_id(ifindex, flags) end

--- Creates the qdisc for TC programs.
---@param hook table the fields of bpf_tc_hook: `ifindex` (index or name of the interface), `attach_point` ("ingress", "egress", or `lbpf.TC_...` added up), `parent`; with libbpf 1.6 also attach point "qdisc", with `handle` and `qdisc`, its name
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number: EEXIST if it exists
---@return string|nil # all that libbpf and the kernel logged
function lbpf.tc_hook_create(hook) end

--- Removes the programs at "ingress" or "egress".
--- With `lbpf.TC_INGRESS + lbpf.TC_EGRESS` it
--- removes the clsact qdisc, with "qdisc" (libbpf 1.6) the qdisc that `qdisc` and `handle` name.
---@param hook table as for `lbpf.tc_hook_create`
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.tc_hook_destroy(hook) end

--- Attaches a TC program in direct-action mode, without a link.
---@param hook table as for `lbpf.tc_hook_create`; attach point "custom" needs `parent`
---@param opts table the fields of bpf_tc_opts: `prog_fd` (program or descriptor), `flags` (`lbpf.TC_F_REPLACE`), `handle` and `priority` (1 to 65535); 0: the kernel chooses
---@return table|nil # `prog_id`, `handle` and `priority`, for `lbpf.tc_detach`
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.tc_attach(hook, opts) end

--- Detaches a TC program.
---@param hook table as for `lbpf.tc_attach`
---@param opts table `handle` and `priority`, as `lbpf.tc_attach` returned them
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.tc_detach(hook, opts) end

--- Returns the TC program that is attached.
---@param hook table as for `lbpf.tc_attach`
---@param opts table `handle` and `priority`
---@return table|nil|nil # `prog_id`, `handle` and `priority`; nil if there is none
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.tc_query(hook, opts) end

--- Sets a function that receives libbpf's messages from calls of this Lua state.
--- Without one, warnings become part of the error message of the call that caused them, and nothing is
--- printed. Errors in the function are ignored.
---@param fn? function called with a level ("warn", "info" or "debug") and the text; nil removes it
---@return function|nil # the previous function
function lbpf.set_print(fn) end

--- Which of some names are most like one that is not among them: what messages about misspelt
--- names show.
---@param wanted string 
---@param names string[] 
---@return string # the names, the nearest first: "pid, ppid, comm"; of many the first and how many more there are
function lbpf.nearest(wanted, names) end

--- A message handler like `debug.traceback`, for `xpcall`: of an error that was raised in a
--- callback, of a ring buffer's function for example, it tells where in that.
--- By the time the error
--- gets there the callback's stack is gone, so `debug.traceback` cannot.
---@param message any if it is no string, it is returned as it is
---@return string # the message with the stack that it was raised on
function lbpf.traceback(message) end

--- Loads the running kernel's types.
---@return lbpf.btf|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_load_vmlinux_btf() end

--- Loads a kernel module's types, on top of the kernel's.
---@param module string its name, as in /sys/kernel/btf
---@param vmlinux lbpf.btf the kernel's
---@return lbpf.btf|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_load_module_btf(module, vmlinux) end

--- Loads types that are in the kernel, for example those of a program.
---@param id integer of the BTF
---@param base? lbpf.btf 
---@return lbpf.btf|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_load_from_kernel_by_id(id, base) end

--- Reads the types of a file: an ELF file with a section .BTF, or BTF alone.
---@param path string 
---@param base? lbpf.btf 
---@return lbpf.btf|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_parse(path, base) end

--- Reads the types of an ELF file.
---@param path string 
---@param base? lbpf.btf 
---@return lbpf.btf|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_parse_elf(path, base) end

--- Reads the types of a file of BTF alone.
---@param path string 
---@param base? lbpf.btf 
---@return lbpf.btf|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_parse_raw(path, base) end

--- Reads the types in a string.
---@param bytes string of a section .BTF
---@param base? lbpf.btf 
---@return lbpf.btf|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_new(bytes, base) end

--- Creates BTF without types.
---@param base? lbpf.btf 
---@param opts? table `add_layout` (boolean): with a description of how long the types of each kind are, by which a reader can skip those of a kind that it does not know; libbpf 1.8
---@return lbpf.btf|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP before libbpf 1.8 if `add_layout` is true
function lbpf.btf_new_empty(base, opts) end

--- Finds the kernel's type that an attach type needs: of a function, of a tracepoint's typedef, or
--- of a hook.
---@param name string of the kernel's function, or the tracepoint
---@param attach_type string|integer "trace_fentry", "trace_raw_tp", "lsm_mac", "trace_iter" ...
---@return integer|nil # id in the kernel's BTF
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.find_vmlinux_btf_id(name, attach_type) end

--- Writes types in C.
--- Each type is written once, after those that it needs. The BTF cannot be
--- changed while it has a dump.
---@param btf lbpf.btf 
---@param fn? function called with the text of each call; without it the calls return the text
---@return lbpf.btf_dump|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_dump(btf, fn) end

--- Reads a section .BTF.ext.
--- `btf:ext_data` writes one.
---@param bytes string of the section
---@return lbpf.btf_ext|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_ext_new(bytes) end

--- Declares a consumer that counts events by fields of theirs, and adds up others, without a call
--- of Lua for each.
--- `lbpf.ring_buffer` and `lbpf.perf_buffer` take it in place of a function, or a list
--- of several; `poll` and `consume` add the events to it. It may be given to several buffers whose
--- events have the same fields.
---@param opts? table `by`: the field by whose values events are grouped, or a list of them: integers, enums, booleans, strings; without it there is one group. `sum`, `avg`, `min`, `max`, `hist`: an integer, or a list of them. Sums have 64 bits and wrap around. `max_entries`: how many groups there may be, 4096 unless given; events of further groups are dropped, and counted as such
---@return lbpf.aggregate # 
function lbpf.aggregate(opts) end

--- Calls a function that SIGINT, SIGTERM, SIGHUP and SIGPIPE end: they raise an error in it, so
--- that what it has is closed.
--- A second signal ends the process at once, unless it comes within half a
--- second of the first, as timeout(1) sends two. `lbpf run` calls scripts so.
--- 
--- After such an end the process, when it exits, ends by that signal. Signals that `lbpf.run` returns
--- are the script's, and a second one within half a second of them is nobody's. What runs in a
--- coroutine of PUC Lua's is interrupted when it waits by a function of lbpf.
---@param fn function 
---@param ... any its arguments
---@return string|nil # nil if no signal ended it; else "INT", "TERM", "HUP" or "PIPE"
---@return any # the function's results, if no signal ended it
function lbpf.interruptible(fn, ...) end

--- Creates a set of descriptors and signals to wait for; `lbpf.run` uses it.
---@return lbpf.poller|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.poller() end

--- The time, from the clock that bpf_ktime_get_ns() reads.
---@return number # seconds
function lbpf.monotonic() end

--- Opens a perf event for `program:attach_perf_event`.
---@param attr table fields of struct perf_event_attr: `type` (1: software, 0: hardware), `config` (with type 1, 0: CPU clock in nanoseconds), `sample_period` or `sample_freq` with `freq` (boolean), `config1`, `config2`, `sample_type`, `wakeup_events`, `wakeup_watermark` with `watermark` (boolean), and the booleans `disabled`, `inherit`, `exclude_user`, `exclude_kernel`, `exclude_idle`, `mmap`, `comm`, `task`, `sample_id_all`
---@param pid? integer 0: this process; nil: all
---@param cpu? integer nil: any
---@param opts? table `cgroup`: a path or a descriptor; the event counts only the processes in it. Not with `pid`, and only with `cpu`
---@return lbpf.fd|nil # 
---@return string|nil # message
---@return integer|nil # the error number: ENODEV if the CPU is not online
function lbpf.perf_event_open(attr, pid, cpu, opts) end

--- Reads the perf buffers of a BPF map, one ring for each CPU.
--- It is closed with the map's object.
--- After a fork, its methods raise in the child, and `buffer:close` there does not affect the
--- parent. Once the parent has ended, as that of a server that goes to the background, the child owns
--- it.
---@param map lbpf.map|lbpf.fd|integer of type perf_event_array, or a descriptor of one
---@param page_cnt integer the size of each ring in pages, a power of two
---@param fn? function|lbpf.aggregate|table called with each event (its bytes, or what `opts` says) and the CPU, or what adds them up, as for `ring_buffer`; if it returns false, the call that delivers ends. The kernel pads the bytes, by up to 7, to 4 less than a multiple of 8. Without a function use `buffer:next` or `buffer:events`
---@param lost_fn? function called with the number of lost events and the CPU
---@param opts? table `sample_period`: wake up after so many events on a CPU, instead of 1; `type`, `fields`, `layout`, `btf`, `bytes`, `enum_names`, `numbers`, `reuse`, `batch`: as for `ring_buffer`; with `batch` the last list has the CPUs
---@return lbpf.perf_buffer|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for a map of another type, EBUSY if this process reads the map already
---@return string|nil # all that libbpf and the kernel logged
function lbpf.perf_buffer(map, page_cnt, fn, lost_fn, opts) end

--- Reads the perf buffers of a BPF map as records, with a perf event that the script describes.
---@param map lbpf.map|lbpf.fd|integer of type perf_event_array, or a descriptor of one
---@param page_cnt integer the size of each ring in pages, a power of two
---@param attr table fields of struct perf_event_attr, as for `perf_event_open`; for output of BPF programs, type 1 (software) and config 10 (BPF output)
---@param fn? function called with each record and the CPU. A record is a string that starts with struct perf_event_header, of any type that the attributes ask for. If it returns false, the call that delivers ends
---@param opts? table `cpus`: a list of CPUs to read; `map_keys`: a list of the map's keys for them; `cpu_cnt`: how many of these to use. Without them all CPUs, with their numbers as keys
---@return lbpf.perf_buffer|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for a map of another type, EBUSY if this process reads one of the keys already
---@return string|nil # all that libbpf and the kernel logged
function lbpf.perf_buffer_raw(map, page_cnt, attr, fn, opts) end

--- Reads a BPF ring buffer.
--- It keeps the map's object, so programs stay attached while the script
--- has only the ring buffer, until one of the two is closed. It stays usable when the object is closed.
---@param map lbpf.map|lbpf.fd|integer of type ringbuf, or a descriptor of one
---@param fn? function|lbpf.aggregate|table called with each event: its bytes, or what `opts` says; if it returns false, the call that delivers ends. Without a function use `buffer:next` or `buffer:events`. An aggregate, or a list of them, gets the events instead: see `lbpf.aggregate`
---@param opts? table `type`: the name of the events' type in BTF, such as "event": events are then tables. `fields`: a list of fields ("pid", "file.name", "stack[1]"), each of which becomes an argument of its own; this is the fastest. `bytes`, `enum_names`, `numbers`: as for `object:codec`. If there are events of several types, `type` is a function that is called with an event's bytes and returns the name of a type or nil; `fn` is then called with that name and the event, and `fields` has a list for each type name. `reuse`: true: an event is read into the table of the one before, and so are its nested tables; copy what you keep. `batch`: true: `fn` is called once for up to 256 events, with their number and a list for each field (or one list, of bytes or of integers), in which event `i` is at `i`; the next call fills the same lists again. If `fn` raises, the events of that call count as delivered. `layout`: the types' declarations in C, see `lbpf.layout`, where BTF lacks them, as that of what only a program's code uses: "struct event { u32 pid; char comm[16]; }"; without `type` it is the last that is declared. `btf`: where to look types up, if not in the BTF of the map's object. A field may also be "data[length]": of an array as many elements as another member says, of char all their bytes
---@return lbpf.ring_buffer|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for a map of another type, EBUSY if this process reads the map already
function lbpf.ring_buffer(map, fn, opts) end

--- Sends samples to BPF programs, which receive them with bpf_user_ringbuf_drain().
--- It keeps the
--- map's object, as a ring buffer does, and stays usable when that is closed. After a fork, its methods
--- raise in the child while the parent runs; the child may close its copy and create another one, if
--- only one of the two sends.
---@param map lbpf.map|lbpf.fd|integer of type user_ringbuf, or a descriptor of one
---@param opts? table `type`: the name of the samples' type in BTF, to send tables; `enum_names`: enums by name; `layout`, `btf`: where to look the type up, as for `ring_buffer`
---@return lbpf.user_ring_buffer|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EINVAL for a map of another type, EBUSY if this process writes to the map already
---@return string|nil # all that libbpf and the kernel logged
function lbpf.user_ring_buffer(map, opts) end

--- Returns a file's contents from a directory that only this user writes.
---@param directory string its path
---@param name string of the file; it does not begin with a dot, and has no slash
---@return string|nil # the contents
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if there is none; EPERM if the directory or the file belongs to another user, or others may write into it
function lbpf.cache_get(directory, name) end

--- Writes a file in a directory that only this user writes, and makes the directory if there is
--- none.
--- Who reads meanwhile gets the file that was there before. The directory has nothing but such
--- files, and a mark: those that were not used for 30 days are removed.
---@param directory string its path
---@param name string of the file; it does not begin with a dot, and has no slash
---@param bytes string the contents
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number: EPERM if the directory belongs to another user, or others may write into it; ENOTEMPTY if it has files that no cache made
function lbpf.cache_put(directory, name, bytes) end

--- Returns what tells whether a file was changed.
---@param path string 
---@return string|nil # it is another one after each change: device, inode, size and times
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.file_stamp(path) end

--- Runs a program to its end, without a shell.
--- This process waits meanwhile.
---@param argv string[] the program, which is looked for in PATH, and its arguments; at most 256
---@param input? string what the program reads from its standard input
---@return integer|nil # its exit status; 128 plus the signal's number if a signal ended it
---@return string # what it has written to its standard output
---@return string|integer # what it has written to its standard error
function lbpf.spawn(argv, input) end

--- Returns an iterator over all programs in the kernel.
---@return function # iterator; it returns the result of `prog_get_info_by_fd`, and a descriptor, which the script may close
function lbpf.programs() end

--- Returns an iterator over all maps in the kernel.
---@return function # iterator; it returns the result of `map_get_info_by_fd`, and a descriptor
function lbpf.maps() end

--- Returns an iterator over all links in the kernel.
---@return function # iterator; it returns the result of `link_get_info_by_fd`, and a descriptor
function lbpf.links() end

--- Returns an iterator over all BTF in the kernel: its own, that of modules, and that of programs.
---@return function # iterator; it returns the result of `btf_get_info_by_fd`, and a descriptor
function lbpf.btfs() end

--- Returns the smallest id of a program that is greater than the given one.
---@param start_id? integer 0 to 2^31 - 2; nil: 0
---@return integer|nil|nil # nil after the last one
---@return string|nil # message
---@return integer|nil # the error number: EPERM unless root
function lbpf.prog_get_next_id(start_id) end

--- The same as `prog_get_next_id`, for maps.
---@param start_id? integer 
---@return integer|nil # 
function lbpf.map_get_next_id(start_id) end

--- The same as `prog_get_next_id`, for links.
---@param start_id? integer 
---@return integer|nil # 
function lbpf.link_get_next_id(start_id) end

--- The same as `prog_get_next_id`, for BTF.
---@param start_id? integer 
---@return integer|nil # 
function lbpf.btf_get_next_id(start_id) end

--- Opens the program with this id.
---@param id integer 0 to 2^32 - 1
---@param opts? table `open_flags` (of a map, 8: to be read only, 16: to be written only); libbpf 1.6: `token_fd`
---@return lbpf.fd|nil # 
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if there is no such program, EPERM unless root
function lbpf.prog_get_fd_by_id(id, opts) end

--- The same as `prog_get_fd_by_id`, for maps.
---@param id integer 
---@param opts? table 
---@return lbpf.fd # 
function lbpf.map_get_fd_by_id(id, opts) end

--- The same as `prog_get_fd_by_id`, for links.
---@param id integer 
---@param opts? table 
---@return lbpf.fd # 
function lbpf.link_get_fd_by_id(id, opts) end

--- The same as `prog_get_fd_by_id`, for BTF.
---@param id integer 
---@param opts? table 
---@return lbpf.fd # 
function lbpf.btf_get_fd_by_id(id, opts) end

--- Returns what the kernel knows about a program.
---@param prog integer|lbpf.fd|lbpf.program a descriptor, or an object that has one
---@param opts? table booleans: which arrays to get. `map_ids` (the default: true), `prog_tags`, `jited_func_lens`, `jited_ksyms`, `jited_line_info`: lists; `xlated_prog_insns`, `jited_prog_insns`, `func_info`, `line_info`: bytes
---@return table|nil # the fields of struct bpf_prog_info: `type` ("kprobe"), `id`, `tag` (hexadecimal), `name`, `load_time` (nanoseconds since boot), `created_by_uid`, `map_ids`, `btf_id`, `gpl_compatible` (boolean), `run_time_ns` and `run_cnt` (see `enable_stats`), `recursion_misses`, `verified_insns`, and so on; arrays are nil where the kernel hides them
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.prog_get_info_by_fd(prog, opts) end

--- Returns what the kernel knows about a map.
---@param map integer|lbpf.fd|lbpf.map a descriptor, or an object that has one
---@param opts? table `hash` (boolean): the SHA-256 of a frozen array's contents, Linux 6.18
---@return table|nil # the fields of struct bpf_map_info: `type` ("hash"), `id`, `name`, `key_size`, `value_size`, `max_entries`, `map_flags`, `map_extra`, `btf_id` and so on; `hash` as 32 bytes
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.map_get_info_by_fd(map, opts) end

--- Returns what the kernel knows about a link.
---@param link integer|lbpf.fd|lbpf.link a descriptor, or an object that has one
---@return table|nil # `type` ("tracing"; a number where libbpf has no name for it), `id`, `prog_id`, and a table of the type's name with the fields that struct bpf_link_info has for it: `raw_tracepoint` (`tp_name`, `cookie`), `tracing`, `cgroup`, `iter` (`target_name`, `map`, `cgroup`, `task`), `netns`, `xdp`, `struct_ops`, `netfilter`, `kprobe_multi` (`count`, `flags`, `missed`, `addrs`, `cookies`), `uprobe_multi`, `perf_event` (`type`, and a table of that name), `tcx`, `netkit`, `sockmap`
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.link_get_info_by_fd(link) end

--- Returns what the kernel knows about BTF that was loaded.
---@param btf integer|lbpf.fd a descriptor, or an object that has one
---@param opts? table `btf` (boolean): get the BTF itself
---@return table|nil # `id`, `btf_size`, `name` ("vmlinux", or a module's; "" if a program brought it), `kernel_btf` (boolean), `btf`: its bytes
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.btf_get_info_by_fd(btf, opts) end

--- Returns what the kernel knows about the object behind a descriptor.
---@param obj integer|lbpf.fd|lbpf.program|lbpf.map|lbpf.link a descriptor, or an object that has one
---@param opts? table of the function for its kind
---@return table|nil # the result of `prog_get_info_by_fd`, `map_get_info_by_fd`, `link_get_info_by_fd` or `btf_get_info_by_fd`
---@return string # "prog", "map", "link" or "btf"
---@return integer|nil # the error number
function lbpf.obj_get_info_by_fd(obj, opts) end

--- Returns the source lines of a loaded program, if it was compiled with -g.
---@param prog lbpf.program|integer a loaded program, or a descriptor of one
---@return lbpf.prog_linfo|nil # 
---@return string|nil # message
---@return integer|nil # the error number: ENODATA if the kernel has no lines
function lbpf.prog_linfo(prog) end

--- Creates a linker.
--- Its file is created or truncated now, and complete after `linker:finalize`.
---@param file string|integer|lbpf.object a path; or a descriptor of an empty file, open for writing
---@return lbpf.linker|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.linker(file) end

--- Attaches a program by a link that belongs to no object.
--- It is destroyed with its last
--- descriptor, unless it is pinned.
---@param prog integer|lbpf.fd|lbpf.program a descriptor, or an object that has one; for struct_ops, the map's
---@param target integer|lbpf.fd|string a descriptor of a cgroup, a network namespace or a perf event, or a path; for XDP, tcx and netkit the index or name of an interface; or 0
---@param attach_type string|integer "cgroup_inet_ingress"
---@param opts? table `flags`, `target_btf_id`; and the table for the attach type: `iter_info` (`map`: `map_fd`; `cgroup`: `order`, `cgroup_fd`, `cgroup_id`; `task`: `tid`, `pid`, `pid_fd`), `perf_event` (`bpf_cookie`), `kprobe_multi` (lists `syms` or `addrs`, and `cookies`; `flags`), `tracing` (`cookie`); libbpf 1.3: `uprobe_multi` (`path`, lists `offsets`, `ref_ctr_offsets`, `cookies`; `pid`, `flags`), `netfilter` (`pf`, `hooknum`, `priority`, `flags`), `tcx` and `netkit` (`relative_fd`, `relative_id`, `expected_revision`); libbpf 1.6: `cgroup` (the same)
---@return lbpf.fd|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.link_create(prog, target, attach_type, opts) end

--- Attaches a program to a raw tracepoint; without a name, attaches a tracing program to the
--- function it was loaded for.
---@param name? string "sched_switch"
---@param prog integer|lbpf.fd|lbpf.program 
---@param opts? table `cookie` (64 bits), libbpf 1.4
---@return lbpf.fd|nil # 
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if there is no such tracepoint
function lbpf.raw_tracepoint_open(name, prog, opts) end

--- Replaces the program of a link atomically.
---@param link integer|lbpf.fd|lbpf.link 
---@param new_prog integer|lbpf.fd|lbpf.program for struct_ops, the map
---@param opts? table `flags` ("replace": only if the program is `old_prog_fd`), `old_prog_fd`; libbpf 1.2: `old_map_fd`
---@return integer|lbpf.fd|lbpf.link|nil # the first argument
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.link_update(link, new_prog, opts) end

--- Detaches a link's program.
--- The link stays, without a program.
---@param link integer|lbpf.fd|lbpf.link 
---@return integer|lbpf.fd|lbpf.link|nil # the first argument
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP if links of this type cannot be detached
function lbpf.link_detach(link) end

--- Pins a program, map or link in a BPF file system: it exists until the file is removed.
---@param obj integer|lbpf.fd|lbpf.program|lbpf.map|lbpf.link 
---@param pathname string path of the new file
---@param opts? table libbpf 1.3: `path_fd` (a directory; with `file_flags` "path_fd"), `file_flags`
---@return integer|lbpf.fd|lbpf.program|lbpf.map|lbpf.link|nil # the first argument
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.obj_pin(obj, pathname, opts) end

--- Opens a pinned program, map or link.
---@param pathname string 
---@param opts? table `file_flags`: "rdonly" or "wronly", for a map; libbpf 1.3: `path_fd` (a directory; with `file_flags` "path_fd")
---@return lbpf.fd|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.obj_get(pathname, opts) end

--- Lists a directory of a BPF file system.
---@param path string of the directory
---@return string[]|nil # the names of its files and directories, in no particular order
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if there is no such directory, EINVAL if it is not in a BPF file system
function lbpf.pins(path) end

--- Makes a directory in a BPF file system, for its owner alone.
---@param path string of the directory; its parent exists
---@return boolean|nil # true if it was made, false if it was there
---@return string|nil # message
---@return integer|nil # the error number: EINVAL if it is not in a BPF file system
function lbpf.pin_mkdir(path) end

--- Does lbpf have a feature that came after libbpf 1.1, with this build and this libbpf?
---@param feature string an option or a function, "kprobe_multi.session" or "object.prepare"; the error for an unknown name lists all
---@return boolean # 
function lbpf.has(feature) end

--- The version of the libbpf that this process runs with.
---@return string # "v1.1"
function lbpf.version_string() end

--- Its major version.
---@return integer # 
function lbpf.major_version() end

--- Its minor version.
---@return integer # 
function lbpf.minor_version() end

--- Does the kernel support programs of this type?
--- This is tried; without privileges the result is
--- false.
---@param prog_type string|integer "kprobe"
---@return boolean|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.probe_bpf_prog_type(prog_type) end

--- Does the kernel support maps of this type?
--- This is tried; without privileges the result is
--- false.
---@param map_type string|integer "ringbuf"
---@return boolean|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.probe_bpf_map_type(map_type) end

--- Does the kernel let programs of this type call this helper?
--- This is tried; without privileges
--- the result is false.
---@param prog_type string|integer "kprobe"
---@param helper string|integer "bpf_ringbuf_output", or its number, 0 to 2^31 - 1
---@return boolean|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP for "tracing", "ext", "lsm" and "struct_ops", which cannot be tried
---@return string|nil # all that libbpf and the kernel logged
function lbpf.probe_bpf_helper(prog_type, helper) end

--- Sets RLIMIT_MEMLOCK of this process, which limits BPF memory in kernels before 5.11.
--- Without
--- this call, libbpf removes the limit at the first load.
---@param memlock_bytes integer 0: do not change the limit
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number: EBUSY if a load has removed the limit already, EOPNOTSUPP before libbpf 1.4
function lbpf.set_memlock_rlim(memlock_bytes) end

--- How many CPUs the machine can have; per-CPU values have that many elements.
---@return integer|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.num_possible_cpus() end

--- The message for an error number, including libbpf's own from 4000 on.
---@param errno integer 1 to 2^31 - 1
---@return string # "No such file or directory"
function lbpf.strerror(errno) end

--- Loads a program from its instructions.
---@param prog_type string|integer "socket_filter"
---@param prog_name? string at most 15 characters are used
---@param license string "GPL"
---@param insns string struct bpf_insn of 8 bytes each, 1 to 1,000,000 of them
---@param opts? table `expected_attach_type`, `attach_btf_id`, `attach_prog_fd`, `attach_btf_obj_fd`, `prog_flags`, `prog_btf_fd`, `prog_ifindex`, `kern_version`, `attempts`, `fd_array` (a list of descriptors), `func_info` and `line_info` (bytes) with `func_info_rec_size` and `line_info_rec_size`, `log_level` (1: jumps; 2: all; 4: statistics), `log_size` in bytes; libbpf 1.4: `token_fd`; libbpf 1.6: `fd_array_cnt`. Descriptors may be objects.
---@return lbpf.fd|nil # 
---@return string|nil|string # with `log_level`, the verifier's log
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.prog_load(prog_type, prog_name, license, insns, opts) end

--- Loads BTF.
---@param btf_data string the section's bytes
---@param opts? table `log_level`, `log_size` in bytes; libbpf 1.4: `btf_flags`, `token_fd`
---@return lbpf.fd|nil # 
---@return string|nil|string # with `log_level`, the kernel's log
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.btf_load(btf_data, opts) end

--- Runs a program one or more times on input of the script.
--- Also `program:test_run(opts)`.
---@param prog integer|lbpf.fd|lbpf.program a descriptor, or an object that has one
---@param opts? table `data_in` (a packet's bytes), `ctx_in` (the context's bytes, as the program's type has it), `repeat`, `flags` ("xdp_live_frames": send the frames of an XDP program), `cpu`, `batch_size`, `data_size_out` (the maximum size of the packet afterwards; by default large enough; 0: no packet), `ctx_size_out` (the same for the context; by default 0)
---@return table|nil # `retval`, `duration` (nanoseconds, average), `data_out`, `ctx_out`; a syscall program always has `ctx_out`
---@return string|nil # message
---@return integer|nil # the error number: ENOSPC if an output size is too small, ENOTSUPP (524) if programs of this type cannot be run
function lbpf.prog_test_run(prog, opts) end

--- Returns which programs are attached to a target.
---@param target integer|lbpf.fd|string a descriptor, an object that has one, or a path, of a cgroup, a network namespace or a sockmap; for XDP, tcx and netkit the index or name of an interface
---@param type string|integer "cgroup_inet_ingress"
---@param opts? table `query_flags`: "effective": include programs that are effective here because they are attached to a parent
---@return table|nil # `prog_ids`: a list; `attach_flags`; for cgroups, from Linux 6.0, `prog_attach_flags`, a list of the same length; for tcx and netkit also `link_ids`, `link_attach_flags` and, with libbpf 1.3, `revision`
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.prog_query(target, type, opts) end

--- Makes a program keep a map that it does not use, for example one with metadata.
--- Also
--- `program:bind_map(map, opts)`.
---@param prog integer|lbpf.fd|lbpf.program 
---@param map integer|lbpf.fd|lbpf.map 
---@param opts? table `flags`
---@return integer|lbpf.fd|lbpf.program|nil # the first argument
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.prog_bind_map(prog, map, opts) end

--- Enables statistics while the descriptor is open: `run_cnt` and `run_time_ns` of
--- `prog_get_info_by_fd`.
---@param type? string|integer "run_time" (the default), or a number
---@return lbpf.fd|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.enable_stats(type) end

--- Returns which program is attached to a perf event or raw tracepoint of a process.
---@param pid? integer nil: this process
---@param fd integer|lbpf.fd a descriptor of that process
---@param flags? integer 0
---@return table|nil # `prog_id`; `fd_type`: "raw_tracepoint", "tracepoint", "kprobe", "kretprobe", "uprobe" or "uretprobe"; `buf`: the tracepoint's, function's or file's name; `probe_offset`, `probe_addr`
---@return string|nil # message
---@return integer|nil # the error number: ENOTSUPP (524) if no program is attached
function lbpf.task_fd_query(pid, fd, flags) end

--- Creates a BPF token from a BPF file system that was mounted in a user namespace with
--- delegation.
--- It is the `token_fd` of `map_create`, `prog_load` and `btf_load`.
---@param bpffs_fd integer|lbpf.fd a descriptor of the file system's root
---@param opts? table `flags`
---@return lbpf.fd|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP outside of a user namespace, and EOPNOTSUPP before libbpf 1.4
function lbpf.token_create(bpffs_fd, opts) end

--- Reads what a program has written to one of its streams, by bpf_stream_printk(), or the kernel
--- because of an error in the program.
---@param prog integer|lbpf.fd|lbpf.program a descriptor, or an object that has one
---@param stream string|integer "stdout" or "stderr", or its number
---@param size? integer how many bytes at most; nil: 65536
---@return string|nil # "" if there is nothing
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if there is no such stream, EOPNOTSUPP before libbpf 1.6
function lbpf.prog_stream_read(prog, stream, size) end

--- The types that libbpf, or a handler of this script, gives to a program with this SEC().
---@param name string "kprobe.multi/do_*"
---@return string|nil # the program type, "kprobe"; nil if no handler matches
---@return string|nil # the expected attach type, "trace_kprobe_multi"
function lbpf.prog_type_by_name(name) end

--- The attach type with which bpf_prog_attach() attaches a program with this SEC().
---@param name string "cgroup/connect4"
---@return string|nil # "cgroup_inet4_connect"; nil if such programs are not attached by bpf_prog_attach(), or if a handler of this script matches
function lbpf.attach_type_by_name(name) end

--- libbpf's name for a program type's number.
---@param type integer 0 to 2^31 - 1
---@return string|nil # "kprobe"; nil if this libbpf has no name for it
function lbpf.bpf_prog_type_str(type) end

--- libbpf's name for an attach type's number.
---@param type integer 0 to 2^31 - 1
---@return string|nil # "trace_kprobe_multi"; nil if this libbpf has no name for it
function lbpf.bpf_attach_type_str(type) end

--- libbpf's name for a map type's number.
---@param type integer 0 to 2^31 - 1
---@return string|nil # "ringbuf"; nil if this libbpf has no name for it
function lbpf.bpf_map_type_str(type) end

--- libbpf's name for a link type's number.
---@param type integer 0 to 2^31 - 1
---@return string|nil # "perf_event"; nil if this libbpf has no name for it
function lbpf.bpf_link_type_str(type) end

--- Reads all entries of a map, many per system call.
--- If others change the map meanwhile, the call
--- still ends, and no key is returned twice. Also `map:lookup_batch(opts)`.
---@param map integer|lbpf.fd|lbpf.map 
---@param opts? table `count`: stop after about so many entries (a hash returns whole buckets); `in_batch`: continue where the last call stopped; `elem_flags` (4: under the values' spin locks), `flags`
---@return table|nil # list of keys
---@return table|string # list of values, in the same order; of a per-CPU map lists with the values of all CPUs
---@return string|nil|integer # with `count`: `in_batch` for the next call; nil at the end
---@return table|nil # what was read: `keys`, `values`, `out_batch`
function lbpf.map_lookup_batch(map, opts) end

--- Reads all entries of a map, and deletes each as it is read: what another process writes
--- meanwhile is either in the result or still in the map.
--- Also `map:lookup_and_delete_batch(opts)`.
---@param map integer|lbpf.fd|lbpf.map a hash
---@param opts? table like those of `map_lookup_batch`
---@return table|nil # list of keys
---@return table|string # list of values, in the same order
---@return string|nil|integer # like that of `map_lookup_batch`
---@return table|nil # what was read and deleted: `keys`, `values`, `out_batch`
function lbpf.map_lookup_and_delete_batch(map, opts) end

--- Writes many entries of a map.
--- Also `map:update_batch(keys, values, opts)`.
---@param map integer|lbpf.fd|lbpf.map 
---@param keys table a list of strings
---@param values table a list of the same length
---@param opts? table `elem_flags`: "any" (the default), "noexist", "exist" or bits; kernels so far accept only 4, under the values' spin locks; `flags`
---@return integer|lbpf.fd|lbpf.map|nil # the first argument
---@return string|nil # message: which entry was refused
---@return integer|nil # error number
---@return integer|nil|nil # how many entries were written before it; nil after EFAULT, when it is unknown
function lbpf.map_update_batch(map, keys, values, opts) end

--- Deletes many keys of a map.
--- Keys that do not exist are skipped. Also
--- `map:delete_batch(keys, opts)`.
---@param map integer|lbpf.fd|lbpf.map 
---@param keys table a list of strings
---@param opts? table `elem_flags`, `flags`
---@return integer|nil # how many keys were deleted
---@return string|nil # message: which entry was refused
---@return integer|nil # error number
---@return integer|nil|nil # how many were deleted before it; nil after EFAULT, when it is unknown
function lbpf.map_delete_batch(map, keys, opts) end

--- Makes the map read-only for system calls, permanently; BPF programs can still write it.
--- Also
--- `map:freeze()`.
---@param map integer|lbpf.fd|lbpf.map 
---@return integer|lbpf.fd|lbpf.map|nil # the first argument
---@return string|nil # message
---@return integer|nil # the error number: EPERM, in older kernels EBUSY, if it is frozen already, EBUSY while it is mapped for writing
function lbpf.map_freeze(map) end

--- Creates a map that belongs to no object.
---@param map_type string|integer "hash"
---@param map_name? string at most 15 characters are used
---@param key_size integer in bytes
---@param value_size integer in bytes; of a per-CPU map, on one CPU
---@param max_entries integer how many entries it can have; of a ring buffer, its size in bytes
---@param opts? table `map_flags`, `map_extra`, `inner_map_fd`, `numa_node`, `map_ifindex`, `btf_fd`, `btf_key_type_id`, `btf_value_type_id`, `btf_vmlinux_value_type_id`; libbpf 1.4: `value_type_btf_obj_fd`, `token_fd`; libbpf 1.7: `excl_prog_hash`, bytes. Descriptors may be objects.
---@return lbpf.fd|nil # 
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.map_create(map_type, map_name, key_size, value_size, max_entries, opts) end

--- Opens a map that is pinned, or that something else created.
--- The types of its keys and values
--- come from option `btf`, or else from the kernel, which requires CAP_SYS_ADMIN for that.
---@param from string|integer|lbpf.fd|lbpf.map a path in a BPF file system, or a descriptor, which is duplicated
---@param opts? table as for `map:view`; `btf`: the BTF of the object that defines the map, see `btf_parse` and `object:btf`; `file_flags`: "rdonly" or "wronly", for a path. With `btf`, `layout` or `raw` only the access that the file's mode allows is needed
---@return lbpf.map_view|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EPERM if the kernel does not show the types
function lbpf.map(from, opts) end

--- Registers a handler for a SEC() name.
--- Objects that are opened from now on use it; an object keeps the handlers that it was opened with.
--- Scripts' handlers take precedence over libbpf's, in the order of their registration. Their functions
--- run inside `lbpf.open`, `obj:load` and `attach`, in the coroutine that called these. An error in one
--- of them is raised by that call, unchanged. A function refuses by returning a negative error number,
--- or nil, message, errno.
---@param sec? string "abc" matches SEC("abc"); "abc/" matches SEC("abc/anything"); "abc+" both; nil every section that no other handler matches
---@param prog_type? string|integer the type of the programs, "kprobe"; nil: a function sets it
---@param expected_attach_type? string|integer "trace_kprobe_multi"
---@param opts? table `cookie`: any value, the last argument of the functions; `prog_setup_fn(prog, cookie)`: called when the program was found; sets its properties. For a section that libbpf knows, give the type as `prog_type`: if this function changes it, libbpf 1.3 and newer does not call `prog_prepare_load_fn`; `prog_prepare_load_fn(prog, load_opts, cookie)`: called before the program is loaded; may change the fields of bpf_prog_load_opts; `prog_attach_fn(prog, cookie)`: attaches the program; returns the link, a list of links, or nil for none
---@return integer|nil # an id for `unregister_prog_handler`
---@return string|nil # message
---@return integer|nil # the error number: EBUSY for a second generic handler
function lbpf.register_prog_handler(sec, prog_type, expected_attach_type, opts) end

--- Removes a handler.
--- Objects that were opened with it keep it.
---@param id integer from `register_prog_handler`
---@return boolean|nil # true
---@return string|nil # message
---@return integer|nil # the error number: ENOENT if this state has no such handler
function lbpf.unregister_prog_handler(id) end

--- Writes an object file.
---@param what table lists of tables. `sections`: `name`; `data`, its bytes; `type`, "progbits", or "nobits" with a `size` instead of data; `flags`, the letters of "a" (it is loaded), "w" (written) and "x" (executed) that apply; `align`, 8 unless it is given. `symbols`, in any order: `name`; `section`, or none if it is defined elsewhere; `value`, the offset in that; `size`; `type`, "notype", "object", "func" or "section"; `bind`, "global", "local" or "weak"; `visibility`, "default", "internal", "hidden" or "protected". `relocations`: `section` and `offset` of the place to change; `symbol`, the name, or its index in `symbols` if it has none; `type`, "64_64" (a map or variable in an instruction of 16 bytes; the default), "64_32" (a call), "64_abs64", "64_abs32" or "64_nodyld32" (in data). `endianness`: "little" or "big"; else this machine's
---@return string|nil # bytes
---@return string|nil # message
---@return integer|nil # the error number
function lbpf.elf(what) end

--- Opens a compiled BPF object.
--- Nothing is loaded into the kernel yet.
---@param path string of the ELF file that clang --target=bpf wrote
---@param opts? table the fields of bpf_object_open_opts: `object_name`, `relaxed_maps`, `pin_root_path`, `kconfig`, `btf_custom_path`, `bpf_token_path`, `kernel_log_level`, and `kernel_log_size`: keep so many bytes of the kernel's log, 128 to 2^28, for `object:kernel_log`
---@return lbpf.object|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.open(path, opts) end

--- Opens a compiled BPF object in memory.
---@param bytes string the ELF file
---@param opts? table as for `open`; without an `object_name` it is called "memory"
---@return lbpf.object|nil # 
---@return string|nil # message
---@return integer|nil # the error number
---@return string|nil # all that libbpf and the kernel logged
function lbpf.open_mem(bytes, opts) end

--- Reads the functions of the running kernel, of its modules and BPF programs.
---@param path? string another file like /proc/kallsyms
---@return lbpf.symbols|nil # by address
---@return string|nil # message
---@return integer|nil # the error number: EPERM if the kernel hides addresses from this process (kernel.kptr_restrict)
function lbpf.kallsyms(path) end

--- Reads the functions of a program or library.
--- For a stripped file it also reads the debug file
--- that the build id or .gnu_debuglink names.
---@param path string of the file
---@param opts? table `debuginfod` (boolean): where no debug file is found, servers are asked for it: those that the environment variable DEBUGINFOD_URLS names. This takes as long as a download takes. It needs elfutils' libdebuginfod. Without this option, no server is asked.
---@return lbpf.symbols|nil # by offset in the file
---@return string|nil # message
---@return integer|nil # the error number: ENOEXEC if it is not an ELF file; with `debuginfod`, EOPNOTSUPP without libdebuginfod, and EDESTADDRREQ if no server is named
function lbpf.elf_symbols(path, opts) end

--- Demangles the name of a C++ function, or of a Rust function in the older mangling.
--- This needs
--- libstdc++, which the first call loads.
---@param name string "_ZN3foo3barEv"
---@return string # "foo::bar()", at most 4095 bytes; the unchanged name if it is not mangled, or if there is no libstdc++
function lbpf.demangle(name) end

--- Opens the debugging information of a program or library: in it, or in the debug file that its
--- build id or .gnu_debuglink names.
--- This needs elfutils' libdw, which the first call loads.
---@param path string of the file
---@param opts? table `debuginfod`: see `elf_symbols`
---@return lbpf.lines|nil # 
---@return string|nil # message
---@return integer|nil # the error number: EOPNOTSUPP without libdw, ENODATA if there is no such information, ENOEXEC if it is not an ELF file
function lbpf.elf_lines(path, opts) end

lbpf.handlers = require "lbpf.handlers"

lbpf.layout = require "lbpf.layout"

return lbpf
