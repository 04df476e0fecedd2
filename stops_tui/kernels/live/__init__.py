"""The running kernel, through bpf(2), /proc, bpffs and /sys."""
