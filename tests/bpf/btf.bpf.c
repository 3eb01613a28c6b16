/* Types of every kind, for what reads type information. Nothing of it is run but lines(). */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum color { RED, GREEN = 5 };
enum sign { MINUS = -1, PLUS = 1 };
union either {
	int i;
	char c[8];
};
struct later;
typedef struct {
	short x, y;
} point_t;
typedef int (*callback_t)(const struct later *first, int second);
struct all {
	unsigned int low : 3;
	int high : 5;
	enum color color;
	union either either;
	point_t points[2][3];
	const volatile long *pointer;
	callback_t callback;
	struct all *next;
	struct {
		char letter;
	} nameless;
	double real;
} __attribute__((btf_decl_tag("tagged")));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, point_t);
} places SEC(".maps");

struct all everything;
enum sign sign;
static volatile int hidden = 7;

SEC("raw_tp/sys_enter")
int lines(void *ctx)
{
	int n = hidden;

	if (n > 7)
		everything.color = GREEN;
	return n;
}
