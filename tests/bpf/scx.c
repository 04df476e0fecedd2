/* Schedulers for tests, of tasks of the SCHED_EXT class only: one that works, one that loses every
 * task, until the watchdog ends it, and one that refuses to start.
 */
#include "vmlinux.h"
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

extern s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __ksym;
extern void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __ksym;
extern bool scx_bpf_dsq_move_to_local(u64 dsq_id) __ksym;

#define QUEUE 1
#define EBUSY 16

u64 enqueued;
u64 exit_kind;

SEC("struct_ops.s/fifo_init")
s32 fifo_init(u64 *ctx)
{
	return scx_bpf_create_dsq(QUEUE, -1);
}

SEC("struct_ops/fifo_enqueue")
void fifo_enqueue(u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];

	__sync_fetch_and_add(&enqueued, 1);
	scx_bpf_dsq_insert(task, QUEUE, SCX_SLICE_DFL, ctx[1]);
}

SEC("struct_ops/fifo_dispatch")
void fifo_dispatch(u64 *ctx)
{
	scx_bpf_dsq_move_to_local(QUEUE);
}

SEC("struct_ops/fifo_exit")
void fifo_exit(u64 *ctx)
{
	const struct scx_exit_info *info = (const struct scx_exit_info *)ctx[0];

	exit_kind = info->kind;
}

SEC("struct_ops/lose_enqueue")
void lose_enqueue(u64 *ctx)
{
}

SEC("struct_ops.s/refuse_init")
s32 refuse_init(u64 *ctx)
{
	return -EBUSY;
}

SEC(".struct_ops.link")
struct sched_ext_ops fifo = {
	.init = (void *)fifo_init,
	.enqueue = (void *)fifo_enqueue,
	.dispatch = (void *)fifo_dispatch,
	.exit = (void *)fifo_exit,
	.flags = SCX_OPS_SWITCH_PARTIAL,
	.name = "stops_queue",
};

SEC(".struct_ops.link")
struct sched_ext_ops loses = {
	.enqueue = (void *)lose_enqueue,
	.flags = SCX_OPS_SWITCH_PARTIAL,
	.timeout_ms = 2000,
	.name = "stops_loses",
};

SEC(".struct_ops.link")
struct sched_ext_ops refuses = {
	.init = (void *)refuse_init,
	.flags = SCX_OPS_SWITCH_PARTIAL,
	.name = "stops_refuses",
};
