/* A congestion control for tests, after RFC 8257 (DCTCP): it shrinks the window by the share of
 * bytes that met congestion. What it knows of each socket is in a BPF map.
 *
 * STRUCT_OPS is the section of its map. Its name is a placeholder as in cc.c.
 */
#include "vmlinux.h"
#include "bpf.h"

#ifndef STRUCT_OPS
#define STRUCT_OPS ".struct_ops"
#endif

#define MAX_ALPHA 1024 /* all that was sent met congestion */
#define FEWEST 2 /* segments in a window */
#define NEEDS_ECN 2 /* TCP_CONG_NEEDS_ECN */

char LICENSE[] SEC("license") = "GPL";

extern void tcp_reno_cong_avoid(struct sock *sk, __u32 ack, __u32 acked) __ksym;

struct flow {
	__u32 alpha;
	__u32 window_end; /* the sequence number that ends the window observed */
	__u32 delivered; /* segments, and those of them that met congestion, when it began */
	__u32 delivered_ce;
	__u32 window_at_loss;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, 1 /* BPF_F_NO_PREALLOC */);
	__type(key, int);
	__type(value, struct flow);
} flows SEC(".maps");

enum total { WINDOWS, REDUCTIONS, TOTALS };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TOTALS);
	__type(key, __u32);
	__type(value, __u64);
} totals SEC(".maps");

const volatile __u32 gain_shift = 4; /* g = 1/16 */

static void count(__u32 total)
{
	__u64 *counter = bpf_map_lookup_elem(&totals, &total);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

static struct flow *flow_of(struct tcp_sock *tp)
{
	return bpf_sk_storage_get(&flows, tp, 0, 0);
}

static void observe_from_here(struct tcp_sock *tp, struct flow *flow)
{
	flow->window_end = tp->snd_nxt;
	flow->delivered = tp->delivered;
	flow->delivered_ce = tp->delivered_ce;
}

SEC("struct_ops/dctcp_init")
void dctcp_init(__u64 *ctx)
{
	struct tcp_sock *tp = (struct tcp_sock *)ctx[0];
	struct flow *flow = bpf_sk_storage_get(&flows, tp, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!flow)
		return;
	flow->alpha = MAX_ALPHA;
	observe_from_here(tp, flow);
}

static __u32 reduced(struct tcp_sock *tp)
{
	struct flow *flow = flow_of(tp);
	__u32 alpha = flow ? flow->alpha : MAX_ALPHA;
	__u32 window = tp->snd_cwnd;

	if (flow)
		flow->window_at_loss = window;
	count(REDUCTIONS);
	window -= (__u64)window * alpha / (2 * MAX_ALPHA);
	return window > FEWEST ? window : FEWEST;
}

SEC("struct_ops/dctcp_ssthresh")
__u32 dctcp_ssthresh(__u64 *ctx)
{
	return reduced((struct tcp_sock *)ctx[0]);
}

/* alpha = (1 - g) * alpha + g * F, F being the share of what was delivered in the last window. */
SEC("struct_ops/dctcp_in_ack_event")
void dctcp_in_ack_event(__u64 *ctx)
{
	struct tcp_sock *tp = (struct tcp_sock *)ctx[0];
	struct flow *flow = flow_of(tp);
	__u32 delivered, marked, alpha;

	if (!flow || (__s32)(tp->snd_una - flow->window_end) < 0)
		return;
	delivered = tp->delivered - flow->delivered;
	marked = tp->delivered_ce - flow->delivered_ce;
	alpha = flow->alpha - (flow->alpha >> gain_shift);
	if (marked && delivered)
		alpha += (__u64)marked * (MAX_ALPHA >> gain_shift) / delivered;
	flow->alpha = alpha < MAX_ALPHA ? alpha : MAX_ALPHA;
	observe_from_here(tp, flow);
	count(WINDOWS);
}

SEC("struct_ops/dctcp_cong_avoid")
void dctcp_cong_avoid(__u64 *ctx)
{
	tcp_reno_cong_avoid((struct sock *)ctx[0], ctx[1], ctx[2]);
}

SEC("struct_ops/dctcp_cwnd_event")
void dctcp_cwnd_event(__u64 *ctx)
{
	struct tcp_sock *tp = (struct tcp_sock *)ctx[0];

	if (ctx[1] == CA_EVENT_LOSS)
		tp->snd_ssthresh = reduced(tp);
}

SEC("struct_ops/dctcp_undo_cwnd")
__u32 dctcp_undo_cwnd(__u64 *ctx)
{
	struct tcp_sock *tp = (struct tcp_sock *)ctx[0];
	struct flow *flow = flow_of(tp);

	if (flow && flow->window_at_loss > tp->snd_cwnd)
		return flow->window_at_loss;
	return tp->snd_cwnd;
}

SEC(STRUCT_OPS)
struct tcp_congestion_ops dctcp = {
	.init = (void *)dctcp_init,
	.ssthresh = (void *)dctcp_ssthresh,
	.in_ack_event = (void *)dctcp_in_ack_event,
	.cong_avoid = (void *)dctcp_cong_avoid,
	.cwnd_event = (void *)dctcp_cwnd_event,
	.undo_cwnd = (void *)dctcp_undo_cwnd,
	.flags = NEEDS_ECN,
	.name = "stops_test_name",
};
