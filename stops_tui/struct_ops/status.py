"""What a map's state means, together with its links and what its subsystem says."""

from __future__ import annotations

from collections.abc import Callable

from stops_tui.struct_ops.text import printable

INITIALISED = "initialised"
REGISTERED = "registered"
ATTACHED = "attached"
UNREGISTERED_HELD = "unregistered, held"
NOT_ATTACHED = "ready, not attached"
EJECTED = "ejected"
UNKNOWN = "?"

_STATE_PREFIX = "BPF_STRUCT_OPS_STATE_"


def state_name(value: int, enumerators: dict[int, str]) -> str:
    """The state without its prefix, "INUSE"; "STATE_7" where this kernel's BTF has no name.

    Args:
        value: The value's `state`.
        enumerators: enum bpf_struct_ops_state of the live BTF, by value.
    """
    name = enumerators.get(value)
    return printable(name.removeprefix(_STATE_PREFIX)) if name else f"STATE_{value}"


def status_of(state: str, refcnt: int, links: int, refusal: Callable[[], str]) -> str:
    """The status word, by the first rule that fits.

    Args:
        state: "INIT", "INUSE", "TOBEFREE" or "READY".
        refcnt: The value's reference count.
        links: How many links are on the map. READY alone does not tell whether it is attached.
        refusal: Asks the subsystem whether it runs a map that is registered or attached.

    Returns:
        "initialised", "ejected", "attached, device gone", "registered", "attached",
        "unregistered, held" or "ready, not attached"; the state itself in lower case if it is
        one this tool does not know.
    """
    if state == "INIT":
        return INITIALISED
    if state == "INUSE":
        return refusal() or REGISTERED
    if state == "TOBEFREE":
        return UNREGISTERED_HELD
    if state == "READY":
        if links:
            return refusal() or ATTACHED
        return UNREGISTERED_HELD if refcnt else NOT_ATTACHED
    return state.lower()


def holders_of(state: str, refcnt: int, links: int) -> int:
    """Who holds the map besides its registration and links: `refcnt` less these.

    The kernel counts one for a plain map's own registration and one for each link, however many
    file descriptors and pins that link has (kernel/bpf/bpf_struct_ops.c).
    """
    if state == "INIT":
        return 0
    own = 1 if state == "INUSE" else 0
    return max(0, refcnt - own - links)
