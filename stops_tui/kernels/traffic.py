"""TCP connections over loopback under one congestion control: to see a struct_ops map at work."""

from __future__ import annotations

from typing import NamedTuple, Protocol

MOST_CONNECTIONS = 1_000
MOST_SECONDS = 60.0
MOST_BYTES = 1 << 30
"""Where traffic ends by itself, whoever forgot it."""


class TrafficSeen(NamedTuple):
    """How far it is.

    Attributes:
        open: Connections that are open now; each holds the congestion control once.
        sent: Bytes that were sent over all of them.
        seconds: How long they have been sent over.
        ended: Whether all are closed, because it was asked for or a limit was reached.
        problem: Why it is not as it was asked for, in words; "" if it is.
    """

    open: int = 0
    sent: int = 0
    seconds: float = 0.0
    ended: bool = False
    problem: str = ""


class Traffic(Protocol):
    """Connections that are open, and are sent over, until `close` or a limit."""

    @property
    def seen(self) -> TrafficSeen:
        """How far it is now. Never blocks."""

    def close(self) -> None:
        """Close all connections, soon. Idempotent, never blocks."""
