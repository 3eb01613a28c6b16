---@meta lbpf.names

---@class lbpf.names
local names = {}

--- The name of an error.
---@param number integer positive or negative; 0 is no error
---@return string # "ENOENT"; of 0 ""; the number in decimal if it has no name
function names.errno(number) end

--- The name of a signal.
---@param number integer 
---@return string # "SIGKILL"; the number in decimal if it has no name
function names.signal(number) end

--- The name of an IP protocol.
---@param number integer 
---@return string # "TCP"; the number in decimal if it has no name
function names.protocol(number) end

--- The name of a state of a TCP connection.
---@param number integer 
---@return string # "ESTABLISHED"; the number in decimal if it has no name
function names.tcp_state(number) end

--- The name of a system call.
---@param number integer 
---@param arch? string "x86_64" or "arm64"; by default this machine's
---@return string # "execve"; the number in decimal if it has no name
function names.syscall(number, arch) end

--- The number of a system call.
---@param name string 
---@param arch? string "x86_64" or "arm64"; by default this machine's
---@return integer|nil # nil if there is none
function names.syscall_number(name, arch) end

return names
