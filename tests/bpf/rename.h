#include <asm/unistd.h>

/* The system call that Lua's os.rename() makes, and nothing else does. */
static inline int is_rename(long number)
{
#ifdef __NR_rename
	return number == __NR_rename;
#else
	return number == __NR_renameat;
#endif
}
