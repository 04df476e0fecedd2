/* A BPF object without struct_ops: a socket filter and a sleepable program, a map and global data. */
#include "vmlinux.h"
#include "bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} lengths SEC(".maps");

__u64 packets;

static __noinline __u64 doubled(__u64 number)
{
	return 2 * number;
}

SEC("socket")
int filter(struct __sk_buff *skb)
{
	__u32 length = skb->len;

	__sync_fetch_and_add(&packets, 1);
	return bpf_map_lookup_elem(&lengths, &length) ? doubled(length) : 0;
}

SEC("fentry.s/bpf_prog_run_pin_on_cpu")
int slow(__u64 *ctx)
{
	return 0;
}
