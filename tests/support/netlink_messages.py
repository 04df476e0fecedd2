"""Netlink messages, laid out as a kernel does."""

from __future__ import annotations

import struct
from typing import Any


def attribute(kind: int, value: bytes) -> bytes:
    """struct nlattr, with its value."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def decoded(message_class: type[Any], body: bytes) -> Any:
    """As pyroute2 hands it on."""
    message = message_class(struct.pack("=IHHII", 16 + len(body), 20, 2, 1, 0) + body)
    message.decode()
    return message
