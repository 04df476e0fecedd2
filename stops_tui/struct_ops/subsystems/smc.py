"""SMC handshake control (net/smc/smc_hs_bpf.c): a plain map only, links are refused."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems.subsystem import Subsystem

SMC = Subsystem("smc_hs_ctrl", mandatory=frozenset({"name"}))
