/* A congestion control for tests: Reno by kfuncs, with most of what C makes of BPF around it: maps,
 * global data, helpers, subprograms, a callback, loops, atomics, CO-RE reads.
 *
 * Its name is a placeholder of 15 characters: tests put one of their own in the object's bytes.
 */
#include "vmlinux.h"
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

extern __u32 tcp_reno_ssthresh(struct sock *sk) __ksym;
extern void tcp_reno_cong_avoid(struct sock *sk, __u32 ack, __u32 acked) __ksym;
extern __u32 tcp_reno_undo_cwnd(struct sock *sk) __ksym;
extern __u32 tcp_slow_start(struct tcp_sock *tp, __u32 acked) __ksym;
extern void tcp_cong_avoid_ai(struct tcp_sock *tp, __u32 w, __u32 acked) __ksym;

struct tally {
	__u64 calls;
	__u64 last_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct tally);
} tallies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, 1 /* BPF_F_NO_PREALLOC */);
	__type(key, int);
	__type(value, struct tally);
} per_socket SEC(".maps");

const volatile __u32 lowest_window = 2;
__u64 events_seen;
__s32 depth = -3;

static __noinline int count(__u32 member)
{
	struct tally *tally = bpf_map_lookup_elem(&tallies, &member);

	if (!tally)
		return 0;
	__sync_fetch_and_add(&tally->calls, 1);
	tally->last_ns = bpf_ktime_get_ns();
	return 1;
}

/* Not static: verified on its own, by its prototype in BTF. */
__noinline __u32 halved(__u32 window, __u32 floor)
{
	__u32 half = window / 2;

	return half > floor ? half : floor;
}

static long add_up(__u32 i, void *ctx)
{
	__u64 *sum = ctx;

	*sum += i;
	return *sum > 100;
}

SEC("struct_ops/stops_init")
void stops_init(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct tally *tally;

	count(0);
	tally = bpf_sk_storage_get(&per_socket, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (tally)
		tally->last_ns = bpf_ktime_get_ns();
}

SEC("struct_ops/stops_ssthresh")
__u32 stops_ssthresh(__u64 *ctx)
{
	struct tcp_sock *tp = (struct tcp_sock *)ctx[0];
	__u32 window = tp->snd_cwnd;

	count(1);
	if (tp->is_sack_reneg)
		return tcp_reno_ssthresh((struct sock *)tp);
	return halved(window, lowest_window);
}

SEC("struct_ops/stops_cong_avoid")
void stops_cong_avoid(__u64 *ctx)
{
	struct tcp_sock *tp = (struct tcp_sock *)ctx[0];
	__u32 acked = ctx[2];

	count(2);
	if (tp->snd_cwnd < tp->snd_ssthresh) {
		acked = tcp_slow_start(tp, acked);
		if (!acked)
			return;
	}
	tcp_cong_avoid_ai(tp, tp->snd_cwnd, acked);
}

SEC("struct_ops/stops_set_state")
void stops_set_state(__u64 *ctx)
{
	__u8 state = ctx[1];
	__u64 sum = 0;

	switch (state) {
	case TCP_CA_Open:
		sum = 1;
		break;
	case TCP_CA_CWR:
	case TCP_CA_Recovery:
		bpf_loop(10, add_up, &sum, 0);
		break;
	case TCP_CA_Loss:
#pragma clang loop unroll(disable)
		for (int i = 0; i < 20; i++)
			sum += i ^ depth;
	}
	__sync_fetch_and_xor(&events_seen, sum);
}

SEC("struct_ops/stops_cwnd_event")
void stops_cwnd_event(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	enum tcp_ca_event event = ctx[1];
	__s32 signed_event = event;

	if (signed_event - depth > 4 && sk->__sk_common.skc_family == 2)
		__sync_fetch_and_add(&events_seen, 1);
	count(3);
}

SEC("struct_ops/stops_pkts_acked")
void stops_pkts_acked(__u64 *ctx)
{
	const struct ack_sample *sample = (const struct ack_sample *)ctx[1];
	__u64 mask = 0x0123456789abcdefULL;
	__u32 rtt = sample->rtt_us;

	if ((__s32)rtt < 0)
		return;
	events_seen += rtt & mask;
}

SEC("struct_ops/stops_undo_cwnd")
__u32 stops_undo_cwnd(__u64 *ctx)
{
	return tcp_reno_undo_cwnd((struct sock *)ctx[0]);
}

SEC(".struct_ops")
struct tcp_congestion_ops cc = {
	.init = (void *)stops_init,
	.ssthresh = (void *)stops_ssthresh,
	.cong_avoid = (void *)stops_cong_avoid,
	.set_state = (void *)stops_set_state,
	.cwnd_event = (void *)stops_cwnd_event,
	.pkts_acked = (void *)stops_pkts_acked,
	.undo_cwnd = (void *)stops_undo_cwnd,
	.name = "stops_test_name",
};
