"""Types whose subsystem tells nothing of its users: what can be known is said plainly."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stops_tui.struct_ops.account.account import Found, Said
from stops_tui.struct_ops.account.asked import Asked

Look = Callable[[Asked], Mapping[int, Found]]


def nothing(asked: Asked) -> Mapping[int, Found]:
    """bpf_dummy_ops: it is never registered, so nothing in the kernel holds it."""
    return {}


def io_uring(asked: Asked) -> Mapping[int, Found]:
    """A ring is no user that is counted, and nothing tells which ring has the operations."""
    return {
        known.map.id: Found(
            said=(
                Said(
                    "ring",
                    "not told",
                    f"ring_fd {known.data.get('ring_fd', 0)} is a file descriptor of the process "
                    "that registered it; a ring that is closed leaves map and link as they are",
                ),
            ),
            use="",
        )
        for known in asked.each()
    }


def smc(asked: Asked) -> Mapping[int, Found]:
    """net.smc.hs_ctrl of each network namespace (net/smc/smc_hs_bpf.c)."""
    setting = "net.smc.hs_ctrl"
    return {
        known.map.id: Found(
            said=(Said(setting, "not read", "each network namespace that names it holds it once"),),
            could_hold=(f"{setting} of network namespaces: sysctl {setting}, in each",),
        )
        for known in asked.each()
    }


def unknown(asked: Asked) -> Mapping[int, Found]:
    """A type this program has never heard of."""
    return {
        known.map.id: Found(
            could_hold=(f"users of {known.map.type_name}: nothing is known of this subsystem",)
        )
        for known in asked.each()
    }
