/* Each form that ISA v4 added and each atomic one, in assembly: the programs of a congestion control,
 * whose name is a placeholder as in cc.c. Needs clang 18 or later, -mcpu=v4.
 */
#include "vmlinux.h"
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("struct_ops/v4_moves")
__attribute__((naked)) void v4_moves(void)
{
	asm volatile(
		"r2 = 0x1234abcd ll;"
		"r1 = (s8)r2; r1 = (s16)r2; r1 = (s32)r2;"
		"w1 = (s8)w2; w1 = (s16)w2;"
		"r1 = bswap16 r1; r1 = bswap32 r1; r1 = bswap64 r1;"
		"r1 = be16 r1; r1 = be32 r1; r1 = be64 r1;"
		"r1 = le16 r1; r1 = le32 r1; r1 = le64 r1;"
		"r1 = -r1; w1 = -w1;"
		"call 7;" /* bpf_get_prandom_u32: the verifier removes a jump whose way it knows */
		"if r0 == 0 goto 1f; gotol 2f;"
	"1:	r1 = 1;"
	"2:	exit;"
		::: "memory");
}

SEC("struct_ops/v4_divide")
__attribute__((naked)) __u32 v4_divide(void)
{
	asm volatile(
		"r0 = 100; r2 = -7;"
		"r0 s/= r2; r0 s%%= r2; r0 s/= 3; r0 s%%= 3;"
		"w0 s/= w2; w0 s%%= w2; w0 s/= 3; w0 s%%= 3;"
		"r0 /= r2; r0 %%= r2; w0 /= w2; w0 %%= w2;"
		"w0 &= 0xff;"
		"exit;"
		::: "memory");
}

SEC("struct_ops/v4_loads")
__attribute__((naked)) __u32 v4_loads(void)
{
	asm volatile(
		"call 7; *(u64 *)(r10 - 8) = r0; *(u32 *)(r10 - 16) = 7; *(u16 *)(r10 - 14) = 7; *(u8 *)(r10 - 13) = 7;"
		"r1 = *(s8 *)(r10 - 8); r2 = *(s16 *)(r10 - 8); r3 = *(s32 *)(r10 - 8);"
		"r1 = *(u8 *)(r10 - 8); r2 = *(u16 *)(r10 - 8); r3 = *(u32 *)(r10 - 8); r4 = *(u64 *)(r10 - 8);"
		"if r1 s> r2 goto 1f; if r1 & 4 goto 1f; if w1 s<= -3 goto 1f; if w2 < w3 goto 1f;"
	"1:	r0 = 2;"
		"exit;"
		::: "memory");
}

SEC("struct_ops/v4_atomics")
__attribute__((naked)) void v4_atomics(void)
{
	asm volatile(
		"*(u64 *)(r10 - 8) = 1; r0 = 1; r2 = 2;"
		"lock *(u64 *)(r10 - 8) += r2; lock *(u64 *)(r10 - 8) &= r2;"
		"lock *(u64 *)(r10 - 8) |= r2; lock *(u64 *)(r10 - 8) ^= r2;"
		"lock *(u32 *)(r10 - 8) += w2; lock *(u32 *)(r10 - 8) &= w2;"
		"lock *(u32 *)(r10 - 8) |= w2; lock *(u32 *)(r10 - 8) ^= w2;"
		"r2 = atomic_fetch_add((u64 *)(r10 - 8), r2); r2 = atomic_fetch_and((u64 *)(r10 - 8), r2);"
		"r2 = atomic_fetch_or((u64 *)(r10 - 8), r2); r2 = atomic_fetch_xor((u64 *)(r10 - 8), r2);"
		"w2 = atomic_fetch_add((u32 *)(r10 - 8), w2); w2 = atomic_fetch_and((u32 *)(r10 - 8), w2);"
		"w2 = atomic_fetch_or((u32 *)(r10 - 8), w2); w2 = atomic_fetch_xor((u32 *)(r10 - 8), w2);"
		"r2 = xchg_64(r10 - 8, r2); w2 = xchg32_32(r10 - 8, w2);"
		"r0 = cmpxchg_64(r10 - 8, r0, r2); w0 = cmpxchg32_32(r10 - 8, w0, w2);"
		"exit;"
		::: "memory");
}

/* The same from C, as a compiler chooses them. */
SEC("struct_ops/v4_compiled")
__u32 v4_compiled(__u64 *ctx)
{
	struct tcp_sock *tp = (struct tcp_sock *)ctx[0];
	__s32 window = tp->snd_cwnd, reordering = (__s8)tp->reordering;
	__s64 signed_sum = (__s16)tp->snd_ssthresh;

	signed_sum += window / (reordering | 1) + window % 7;
	return __builtin_bswap32(signed_sum) >> 1;
}

SEC(".struct_ops")
struct tcp_congestion_ops v4 = {
	.init = (void *)v4_moves,
	.undo_cwnd = (void *)v4_divide,
	.min_tso_segs = (void *)v4_loads,
	.cong_avoid = (void *)v4_atomics,
	.ssthresh = (void *)v4_compiled,
	.name = "stops_test_name",
};
