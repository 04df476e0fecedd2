/* A queueing discipline for tests: first in, first out, one queue for each device.
 *
 * Needs clang 19: older ones write no type tags into BTF for the member that owns a packet.
 */
#include "vmlinux.h"
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

extern void bpf_qdisc_skb_drop(struct sk_buff *skb, struct bpf_sk_buff_ptr *to_free) __ksym;
extern void bpf_qdisc_bstats_update(struct Qdisc *sch, const struct sk_buff *skb) __ksym;
extern void bpf_kfree_skb(struct sk_buff *skb) __ksym;

#define QUEUES 4
#define LENGTH 64 /* packets in a queue, a power of two */
#define NET_XMIT_DROP 1

struct place {
	struct sk_buff __attribute__((btf_type_tag("kptr"))) *skb;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, QUEUES * LENGTH);
	__type(key, u32);
	__type(value, struct place);
} places SEC(".maps");

struct ends {
	u32 head;
	u32 tail;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, QUEUES);
	__type(key, u32);
	__type(value, struct ends);
} queues SEC(".maps");

static u32 queue_of(const struct Qdisc *sch)
{
	return (u32)sch->dev_queue->dev->ifindex % QUEUES;
}

static struct place *place_at(u32 queue, u32 number)
{
	u32 key = queue * LENGTH + number % LENGTH;

	return bpf_map_lookup_elem(&places, &key);
}

/* The packet that waits longest is no longer owned by the queue. */
static struct sk_buff *taken(struct Qdisc *sch)
{
	u32 queue = queue_of(sch);
	struct ends *ends = bpf_map_lookup_elem(&queues, &queue);
	struct place *place;

	if (!ends || ends->head == ends->tail)
		return 0;
	place = place_at(queue, ends->head);
	ends->head++;
	return place ? bpf_kptr_xchg(&place->skb, 0) : 0;
}

SEC("struct_ops/fifo_enqueue")
int fifo_enqueue(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	struct Qdisc *sch = (struct Qdisc *)ctx[1];
	struct bpf_sk_buff_ptr *to_free = (struct bpf_sk_buff_ptr *)ctx[2];
	u32 length = ((struct qdisc_skb_cb *)skb->cb)->pkt_len;
	u32 queue = queue_of(sch);
	struct ends *ends = bpf_map_lookup_elem(&queues, &queue);
	struct place *place;

	if (!ends || ends->tail - ends->head >= LENGTH)
		goto drop;
	place = place_at(queue, ends->tail);
	if (!place)
		goto drop;
	ends->tail++;
	skb = bpf_kptr_xchg(&place->skb, skb);
	if (skb) /* it was free */
		bpf_qdisc_skb_drop(skb, to_free);
	sch->q.qlen++;
	sch->qstats.backlog += length;
	return 0;
drop:
	bpf_qdisc_skb_drop(skb, to_free);
	return NET_XMIT_DROP;
}

SEC("struct_ops/fifo_dequeue")
struct sk_buff *fifo_dequeue(u64 *ctx)
{
	struct Qdisc *sch = (struct Qdisc *)ctx[0];
	struct sk_buff *skb = taken(sch);

	if (!skb)
		return 0;
	sch->q.qlen--;
	sch->qstats.backlog -= ((struct qdisc_skb_cb *)skb->cb)->pkt_len;
	bpf_qdisc_bstats_update(sch, skb);
	return skb;
}

SEC("struct_ops/fifo_init")
int fifo_init(u64 *ctx)
{
	return 0;
}

SEC("struct_ops/fifo_reset")
void fifo_reset(u64 *ctx)
{
	struct Qdisc *sch = (struct Qdisc *)ctx[0];
	struct sk_buff *skb;

	for (int i = 0; i < LENGTH; i++) {
		skb = taken(sch);
		if (!skb)
			break;
		bpf_kfree_skb(skb);
	}
	sch->q.qlen = 0;
}

SEC("struct_ops/fifo_destroy")
void fifo_destroy(u64 *ctx)
{
}

SEC(".struct_ops.link")
struct Qdisc_ops fifo = {
	.enqueue = (void *)fifo_enqueue,
	.dequeue = (void *)fifo_dequeue,
	.init = (void *)fifo_init,
	.reset = (void *)fifo_reset,
	.destroy = (void *)fifo_destroy,
	.id = "stops_fifo",
};
