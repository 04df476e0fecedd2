/* Two congestion controls that share programs and a map; they differ in how they shrink the window.
 *
 * Their names are placeholders as in cc.c.
 */
#include "vmlinux.h"
#include "bpf.h"

#ifndef STRUCT_OPS
#define STRUCT_OPS ".struct_ops"
#endif

char LICENSE[] SEC("license") = "GPL";

extern void tcp_reno_cong_avoid(struct sock *sk, __u32 ack, __u32 acked) __ksym;
extern __u32 tcp_reno_undo_cwnd(struct sock *sk) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
#ifdef PINNED
	__uint(pinning, 1 /* LIBBPF_PIN_BY_NAME */);
#endif
	__type(key, __u32);
	__type(value, __u64);
} reductions SEC(".maps");

static __u32 shrunk(struct tcp_sock *tp, __u32 parts)
{
	__u32 zero = 0;
	__u64 *counter = bpf_map_lookup_elem(&reductions, &zero);
	__u32 window = tp->snd_cwnd - tp->snd_cwnd / parts;

	if (counter)
		__sync_fetch_and_add(counter, 1);
	return window > 2 ? window : 2;
}

SEC("struct_ops")
__u32 by_half(__u64 *ctx)
{
	return shrunk((struct tcp_sock *)ctx[0], 2);
}

SEC("struct_ops")
__u32 by_eighth(__u64 *ctx)
{
	return shrunk((struct tcp_sock *)ctx[0], 8);
}

SEC("struct_ops")
void grown(__u64 *ctx)
{
	tcp_reno_cong_avoid((struct sock *)ctx[0], ctx[1], ctx[2]);
}

SEC("struct_ops")
__u32 undone(__u64 *ctx)
{
	return tcp_reno_undo_cwnd((struct sock *)ctx[0]);
}

SEC(STRUCT_OPS)
struct tcp_congestion_ops meek = {
	.ssthresh = (void *)by_half,
	.cong_avoid = (void *)grown,
	.undo_cwnd = (void *)undone,
	.name = "stops_test_meek",
};

SEC(STRUCT_OPS)
struct tcp_congestion_ops bold = {
	.ssthresh = (void *)by_eighth,
	.cong_avoid = (void *)grown,
	.undo_cwnd = (void *)undone,
	.name = "stops_test_bold",
};
