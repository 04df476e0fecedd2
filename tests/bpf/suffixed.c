/* A congestion control made for kernels of several versions: its struct has a suffix, which libbpf
 * leaves out as it looks for the kernel's, other offsets than the kernel's, and two members that no
 * kernel has. FUTURE is what one of them is set to.
 *
 * Its name is a placeholder as in cc.c.
 */
#include "vmlinux.h"
#include "bpf.h"

#ifndef FUTURE
#define FUTURE 0
#endif

char LICENSE[] SEC("license") = "GPL";

struct tcp_congestion_ops___v2 {
	char name[16];
	__u64 future;
	void (*foresee)(struct sock *sk);
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
};

SEC("struct_ops/suffixed_window")
__u32 suffixed_window(__u64 *ctx)
{
	return ((struct tcp_sock *)ctx[0])->snd_cwnd;
}

SEC("struct_ops/suffixed_ssthresh")
__u32 suffixed_ssthresh(__u64 *ctx)
{
	return 2;
}

SEC("struct_ops/suffixed_cong_avoid")
void suffixed_cong_avoid(__u64 *ctx)
{
}

SEC(".struct_ops.link")
struct tcp_congestion_ops___v2 suffixed = {
	.ssthresh = (void *)suffixed_ssthresh,
	.cong_avoid = (void *)suffixed_cong_avoid,
	.undo_cwnd = (void *)suffixed_window,
	.future = FUTURE,
	.name = "stops_test_name",
};
