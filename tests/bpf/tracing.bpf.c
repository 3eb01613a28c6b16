/* Programs that the kernel calls through trampolines. None is loaded unless asked for. */
#include "event.h"

char LICENSE[] SEC("license") = "GPL"; /* what an LSM program must have */

struct inode;
struct dentry;

SEC("?fentry") int BPF_PROG(on_entry, const struct pt_regs *regs)
{
	return report(cookie_of(ctx), 0, 1);
}

SEC("?fexit") int BPF_PROG(on_exit, const struct pt_regs *regs, long result)
{
	return report(cookie_of(ctx), result, 2);
}

SEC("?lsm/inode_mkdir")
int BPF_PROG(no_mkdir, struct inode *dir, struct dentry *dentry, unsigned short mode, int ret)
{
	return ret ? ret : is_target() ? -1 : 0;
}
