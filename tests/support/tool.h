/* What a tool and its BPF program share, for tests/kernel/readme_spec.lua. */
struct start {
	__u64 at;
};
