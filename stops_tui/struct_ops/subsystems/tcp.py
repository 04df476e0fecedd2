"""TCP congestion control (net/ipv4/bpf_tcp_ca.c, tcp_cong.c)."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems.subsystem import Subsystem

# tcp_validate_congestion_control() and bpf_tcp_ca_init_member() refuse a map without these.
TCP = Subsystem(
    "tcp_congestion_ops",
    mandatory=frozenset({"name", "ssthresh", "undo_cwnd", "cong_avoid", "cong_control"}),
    instead={"cong_avoid": "cong_control", "cong_control": "cong_avoid"},
)
