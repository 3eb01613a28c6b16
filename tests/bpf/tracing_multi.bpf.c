/* Programs for many functions of the kernel at once: libbpf 1.8, kernel 7.2. */
#include "event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("fentry.multi") int enter(void *ctx)
{
	return report(cookie_of(ctx), function_of(ctx), 1);
}

SEC("fexit.multi") int leave(void *ctx)
{
	return report(cookie_of(ctx), function_of(ctx), 2);
}

/* Its section names the functions. */
SEC("?fentry.multi/__*64_sys_getpg?d") int named(void *ctx)
{
	return report(cookie_of(ctx), function_of(ctx), 3);
}

/* For one function only. */
SEC("?fentry/vfs_read") int single(void *ctx)
{
	return report(cookie_of(ctx), function_of(ctx), 4);
}
