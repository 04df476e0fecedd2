/* A HID fixup for tests: the report descriptor's usage, mouse, becomes joystick, and the first byte
 * of every report is inverted.
 */
#include "vmlinux.h"
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

extern __u8 *hid_bpf_get_data(struct hid_bpf_ctx *ctx, unsigned int offset,
			      const size_t rdwr_buf_size) __ksym;

#define USAGE 3 /* where the report descriptor has its second item's value */
#define JOYSTICK 4

SEC("struct_ops/fixup_rdesc")
int fixup_rdesc(u64 *ctx)
{
	__u8 *data = hid_bpf_get_data((struct hid_bpf_ctx *)ctx[0], 0, USAGE + 1);

	if (data)
		data[USAGE] = JOYSTICK;
	return 0;
}

SEC("struct_ops/fixup_event")
int fixup_event(u64 *ctx)
{
	__u8 *data = hid_bpf_get_data((struct hid_bpf_ctx *)ctx[0], 0, 1);

	if (data)
		data[0] = ~data[0];
	return 0;
}

SEC(".struct_ops.link")
struct hid_bpf_ops fixup = {
	.hid_rdesc_fixup = (void *)fixup_rdesc,
	.hid_device_event = (void *)fixup_event,
};
