"""SMC handshake control (net/smc/smc_hs_bpf.c): a plain map only, links are refused."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems.subsystem import Registering, Subsystem

SMC = Subsystem(
    "smc_hs_ctrl",
    mandatory=frozenset({"name"}),
    registering=Registering(
        name="name",
        link=False,
        hints={"flags": "1 to be inherited by new network namespaces"},
        unknown="whether the name is free (EEXIST)",
    ),
)
