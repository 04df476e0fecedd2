/* A congestion control that calls functions of the kernel: one that there is, one that no kernel has
 * and that it cannot do without, and one that it looks for first, of which there are versions.
 */
#include "vmlinux.h"
#include "bpf.h"

#define __weak __attribute__((weak))

char LICENSE[] SEC("license") = "GPL";

extern __u32 tcp_reno_undo_cwnd(struct sock *sk) __ksym;
extern __u32 stops_test_strong(struct sock *sk) __ksym;
extern __u32 stops_test_weak___v2(struct sock *sk) __ksym __weak;

SEC("struct_ops/kfuncs_ssthresh")
__u32 kfuncs_ssthresh(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];

	return stops_test_weak___v2 ? stops_test_weak___v2(sk) : stops_test_strong(sk);
}

SEC("struct_ops/kfuncs_undo_cwnd")
__u32 kfuncs_undo_cwnd(__u64 *ctx)
{
	return tcp_reno_undo_cwnd((struct sock *)ctx[0]);
}

SEC(".struct_ops")
struct tcp_congestion_ops kfuncs = {
	.ssthresh = (void *)kfuncs_ssthresh,
	.undo_cwnd = (void *)kfuncs_undo_cwnd,
	.name = "stops_test_name",
};
