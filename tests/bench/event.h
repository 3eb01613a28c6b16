/* What the BPF programs of the benchmark make, and what they are told. */
#ifndef EVENT_H
#define EVENT_H

struct event {
	__u32 pid, uid;
	__u64 ts;
	char comm[16];
	__u64 cookie;
};

/* How many to make; how many were made, and how many found no room. */
struct state {
	__u64 count, made, lost;
};

#endif
