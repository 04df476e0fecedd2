"""TCP congestion control (net/ipv4/bpf_tcp_ca.c, tcp_cong.c)."""

from __future__ import annotations

from stops_tui.kernels.kernel import RawConditions
from stops_tui.struct_ops.subsystems.subsystem import Data, Registering, Showing, Subsystem
from stops_tui.struct_ops.text import printable

_AVAILABLE = "tcp_available_congestion_control"


def _listed(data: Data, conditions: RawConditions) -> bool | None:
    names = conditions.congestion_controls
    return None if names is None else data.get("name") in names


def _taken(data: Data, conditions: RawConditions) -> str:
    """tcp_register_congestion_control() refuses a name twice (EEXIST)."""
    if not _listed(data, conditions):
        return ""
    name = _shown(data.get("name", ""))
    return f'a congestion control named "{name}" is already registered: choose another name'


def _not_listed(data: Data, conditions: RawConditions) -> str:
    return f'{_AVAILABLE} does not list "{_shown(data.get("name", ""))}"'


def _default(data: Data, conditions: RawConditions) -> str:
    """The sysctl keeps a default that is unregistered (net/ipv4/tcp_cong.c)."""
    name = data.get("name")
    if not name or name != conditions.congestion_default:
        return ""
    return (
        f'"{_shown(name)}" is the default congestion control of this network namespace: new '
        "sockets keep getting it, and so hold it, until another is set: "
        "sysctl net.ipv4.tcp_congestion_control=cubic"
    )


def _shown(name: int | str) -> str:
    return printable(str(name))


# tcp_validate_congestion_control() and bpf_tcp_ca_init_member() refuse a map without these.
TCP = Subsystem(
    "tcp_congestion_ops",
    mandatory=frozenset({"name", "ssthresh", "undo_cwnd", "cong_avoid", "cong_control"}),
    instead={"cong_avoid": "cong_control", "cong_control": "cong_avoid"},
    registering=Registering(
        name="name",
        update=True,
        refused={"key": "the kernel computes it from the name"},
        no_program=frozenset({"get_info"}),
        hints={"flags": "1 any user may choose it (NON_RESTRICTED), 2 it needs ECN (NEEDS_ECN)"},
        obstacle=_taken,
        clear="the name is free",
        showing=Showing(_AVAILABLE, _listed, _not_listed),
        ending=_default,
        unknown="whether the name is still free (EEXIST)",
    ),
)
