"""What a subsystem may know beyond its BTF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stops_tui.kernels.kernel import RawSubsystems

Data = Mapping[str, int | str]
"""Data members of one value by name: integers as numbers, char arrays as text."""


@dataclass(frozen=True, slots=True)
class Subsystem:
    """What a subsystem adds to one struct_ops type.

    Attributes:
        type_name: The type, as in "tcp_congestion_ops".
        mandatory: Members without which it refuses a map.
        instead: Mandatory member → the member that may serve in its place.
        flags: Data member → the enum of the kernel's BTF that names its bits.
        refusal: Says of a registered or attached map that the subsystem does not run it, in the
            word of its status; "" if it does, or does not say. None where it never says.
    """

    type_name: str
    mandatory: frozenset[str] = frozenset()
    instead: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    refusal: Callable[[Data, RawSubsystems], str] | None = None
