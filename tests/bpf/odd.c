/* What no kernel takes and C allows: members of every kind, a local variable, all sections at once.
 * Nothing of it is loaded.
 */
#include "vmlinux.h"
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct part {
	__u32 a;
	struct {
		__u8 low : 3;
		__u8 high : 5;
	} bits;
};

enum color { GREEN = 3 };

struct odd_ops___of_tests {
	int (*call)(void *ctx);
	__u32 flag : 4;
	__u32 rest : 28;
	struct part parts[2];
	enum color color;
	char text[8];
	char full[4];
	bool yes;
	__s8 negative;
	const char *pointer;
	double real;
	void (*unset)(void);
	union {
		__u32 x;
		float y;
	};
};

static __noinline int doubled(int x)
{
	return x * 2;
}

SEC("?struct_ops.s/called")
int called(__u64 *ctx)
{
	return doubled(ctx[0]);
}

SEC("struct_ops/other")
int other(__u64 *ctx)
{
	return doubled(ctx[1]);
}

SEC(".struct_ops")
static struct odd_ops___of_tests first = {
	.call = (void *)called,
	.flag = 5,
	.rest = 7,
	.parts = { { 1, { 2, 3 } }, { 4, { 5, 6 } } },
	.color = GREEN,
	.text = "hi \x1b\"",
	.full = { 'a', 'b', 'c', 'd' },
	.yes = true,
	.negative = -3,
	.real = 1.5,
	.x = 9,
};

SEC(".struct_ops")
struct odd_ops___of_tests second = { .call = (void *)other };

SEC("?.struct_ops.link")
struct odd_ops___of_tests third = {};
