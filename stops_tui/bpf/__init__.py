"""The only door to bpf(2); and eBPF instructions, which need no kernel."""
