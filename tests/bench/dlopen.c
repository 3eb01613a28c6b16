/* How long the dynamic linker takes for libbpf and what it needs, in a process that has just
 * started: what `require "lbpf"` cannot do without.
 */
#include <dlfcn.h>

#include "bench.h"

int main(void)
{
	double start = now();

	if (!dlopen("libbpf.so.1", RTLD_NOW))
		errx(1, "%s", dlerror());
	report("require", now() - start, 1, 0);
}
