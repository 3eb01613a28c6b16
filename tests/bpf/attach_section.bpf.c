/* Programs whose sections say what to attach to, or do not. All that attach report a rename. */
#include "event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tracepoint/syscalls/sys_enter_rename") int named(void *ctx)
{
	return report(0, 0, 1);
}

SEC("tp/syscalls/sys_exit_rename") int also_named(void *ctx)
{
	return report(0, 0, 2);
}

SEC("raw_tp") int unnamed(void *ctx)
{
	return 0;
}

SEC("xdp") int unattachable(void *ctx)
{
	return 2;
}

SEC("?tracepoint/syscalls/no_such_event") int missing(void *ctx)
{
	return 0;
}
