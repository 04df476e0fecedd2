/* A congestion control whose undo_cwnd the verifier refuses: it writes what it may only read. */
#include "vmlinux.h"
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("struct_ops/refused_ssthresh")
__u32 refused_ssthresh(__u64 *ctx)
{
	return 2;
}

SEC("struct_ops/refused_cong_avoid")
void refused_cong_avoid(__u64 *ctx)
{
}

SEC("struct_ops/refused_undo_cwnd")
__u32 refused_undo_cwnd(__u64 *ctx)
{
	struct tcp_sock *tp = (struct tcp_sock *)ctx[0];
	__u32 window = tp->snd_cwnd;

	tp->snd_una = window; /* this line */
	return window;
}

SEC(".struct_ops")
struct tcp_congestion_ops refused = {
	.ssthresh = (void *)refused_ssthresh,
	.cong_avoid = (void *)refused_cong_avoid,
	.undo_cwnd = (void *)refused_undo_cwnd,
	.name = "stops_test_name",
};
