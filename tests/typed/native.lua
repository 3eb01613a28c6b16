-- What a C compiler makes of structures: a program that says of each its size, some bytes, the
-- value of each leaf in them, and the bytes after each leaf was assigned to.
local native = {}

local DIR = "build/typed/"

-- No header of the C library: those of the kernel's types would say the same things again.
local TYPES = [[
typedef unsigned char u8;
typedef signed char s8;
typedef unsigned short u16;
typedef short s16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;
typedef _Bool bool;
]]

local HEAD = [[
int printf(const char *, ...);
int puts(const char *);
void *memcpy(void *, const void *, unsigned long);
void *memset(void *, int, unsigned long);
unsigned long strnlen(const char *, unsigned long);
static u64 state = SEED;
static u8 bytes[1 << 20] __attribute__((aligned(64))), work[1 << 20] __attribute__((aligned(64)));
static u8 next_byte(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return state >> 62 ? state >> 40 : (state >> 50) & 1 ? 0 : 255;
}
static void hex(const void *p, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		printf("%02x", ((const u8 *)p)[i]);
	puts("");
}
static void fill(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		bytes[i] = next_byte();
	hex(bytes, n);
}
]]

-- How C prints the leaf, and what is assigned to it, by kind.
local kinds = {}

function kinds.integer(leaf)
  return ('printf("%%016llx\\n", (unsigned long long)(%s));'):format(leaf.c),
    ("%s = %d;"):format(leaf.c, leaf.value)
end

kinds.enum = kinds.integer

-- A byte of a bool may be anything, which C does not expect.
function kinds.bool(leaf)
  if leaf.bits then
    return kinds.integer(leaf)
  end
  return ('printf("%%016x\\n", *(const u8 *)&%s != 0);'):format(leaf.c),
    ("%s = *(const u8 *)&%s == 0;"):format(leaf.c, leaf.c)
end

function kinds.float(leaf)
  return ('printf("%%.17g\\n", (double)%s);'):format(leaf.c), ("%s = %d.5;"):format(leaf.c,
    leaf.value)
end

function kinds.wide(leaf)
  return ("hex(&%s, 16);"):format(leaf.c), ("%s = %d;"):format(leaf.c, leaf.value)
end

-- Another string than before: where it stays the same, so do the bytes behind its zero.
function kinds.string(leaf)
  return ("hex(%s, strnlen(%s, sizeof(%s)));"):format(leaf.c, leaf.c, leaf.c),
    ("u8 is = *(u8 *)%s == 'x' ? 'y' : 'x'; memset(%s, 0, sizeof(%s)); memcpy(%s, &is, 1);"):format(
      leaf.c, leaf.c, leaf.c, leaf.c)
end

function kinds.tail(leaf, struct)
  return ("hex(%s, %d);"):format(leaf.c, struct.tail.n),
    ('memset(%s, \'%s\', %d);'):format(leaf.c, leaf.value == 1 and "x" or "y", struct.tail.n)
end

local function size_of(struct)
  if not struct.tail then
    return ("sizeof(%s)"):format(struct.name)
  end
  return ("__builtin_offsetof(%s, %s) + %d * sizeof(((%s *)0)->%s[0])"):format(struct.name,
    struct.tail.name, struct.tail.n, struct.name, struct.tail.name)
end

local function test(struct, i)
  local lines = {
    ("static void test%d(void)\n{\n\tunsigned long n = %s;"):format(i, size_of(struct)),
    ("\t%s *v = (void *)bytes;"):format(struct.name),
    '\tprintf("%lu %lu\\n", sizeof(*v), n); fill(n);'}
  for _, leaf in ipairs(struct.leaves) do
    lines[#lines + 1] = "\t" .. kinds[leaf.kind](leaf, struct)
  end
  lines[#lines + 1] = "\tv = (void *)work;"
  for _, leaf in ipairs(struct.leaves) do
    local _, assign = kinds[leaf.kind](leaf, struct)
    lines[#lines + 1] = ("\t{ memcpy(work, bytes, n); %s hex(work, n); }"):format(assign)
  end
  return table.concat(lines, "\n") .. "\n}\n"
end

--- The program for a list of structures.
-- @param structs
-- @param seed of the bytes
-- @param types declarations before all; nil: of u8 and its like
function native.source(structs, seed, types)
  local parts = {types or TYPES, (HEAD:gsub("SEED", seed))}
  for i, struct in ipairs(structs) do
    parts[#parts + 1] = struct.text
    parts[#parts + 1] = test(struct, i)
  end
  parts[#parts + 1] = "int main(void)\n{"
  for i in ipairs(structs) do
    parts[#parts + 1] = ("\ttest%d();"):format(i)
  end
  parts[#parts + 1] = "\treturn 0;\n}\n"
  return table.concat(parts, "\n")
end

-- The declarations alone, for BPF, with a variable of each type so that BTF has it.
local function bpf_source(structs)
  local parts = {TYPES}
  for i, struct in ipairs(structs) do
    parts[#parts + 1] = struct.text
    parts[#parts + 1] = ("const %s *unused%d __attribute__((unused));"):format(struct.name, i)
  end
  return table.concat(parts, "\n") .. "\n"
end

-- Compiles the source; returns the path of the result, which the caller removes. C11: C23
-- has keywords, such as bool, that the kernel declares itself.
local function compile(source, command)
  local unique = os.tmpname()
  os.remove(unique)
  local path = DIR .. unique:match "[^/]*$"
  os.execute("mkdir -p " .. DIR)
  local file = assert(io.open(path .. ".c", "w"))
  file:write(source)
  file:close()
  local ok = os.execute(("unset LD_PRELOAD; %s -std=gnu11 -w -o %s %s.c 2>%s.err")
    :format(command, path, path, path))
  local err = assert(io.open(path .. ".err"))
  local message = err:read("*a")
  err:close()
  os.remove(path .. ".c")
  os.remove(path .. ".err")
  assert(ok == true or ok == 0, message)
  return path
end

--- The path of an object that CLANG makes of the structures, for its BTF.
function native.bpf_object(structs, clang)
  return compile(bpf_source(structs), clang .. " --target=bpf -g -O2 -c")
end

--- Compiles the program with COMPILER and runs it; returns what it prints.
function native.run(source, compiler)
  local path = compile(source, compiler .. " -O0 -fno-strict-aliasing -Wno-int-conversion")
  local pipe = assert(io.popen("unset LD_PRELOAD; " .. path))
  local text = pipe:read("*a")
  pipe:close()
  os.remove(path)
  return text
end

return native
