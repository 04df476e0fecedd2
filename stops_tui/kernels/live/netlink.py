"""Netlink dumps by pyroute2, which no other file knows: TCP sockets, and instances of qdiscs.

Each is made in the network namespace of the thread that asks for an answer, and leaves nothing
open. Imported only once someone wants to know who uses a map: pyroute2 takes its time.
Source: netlink(7).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

from pyroute2.netlink import (
    NETLINK_ROUTE,
    NETLINK_SOCK_DIAG,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    nlmsg,
)
from pyroute2.netlink.diag import SOCK_DIAG_BY_FAMILY, MarshalDiag, inet_diag_req
from pyroute2.netlink.nlsocket import NetlinkSocket
from pyroute2.netlink.rtnl import RTM_GETQDISC
from pyroute2.netlink.rtnl.marshal import MarshalRtnl
from pyroute2.netlink.rtnl.tcmsg import tcmsg

Message = Any
"""A dict of the struct's fields by the kernel's names; `get_attr` gives an attribute, or None."""

_DUMP_INVISIBLE = 10
"""TCA_DUMP_INVISIBLE: without it, default ones of classes are left out (since Linux 4.12; older
kernels overlook it)."""

_ERRNO = struct.Struct("=16xi")
"""Of an error, and of the end of a dump, after the header: negative unless all is well."""


def tcp_sockets(family: int, states: int, *extensions: int) -> Iterator[Message]:
    """Every TCP socket of a family in these states: struct inet_diag_msg.

    Args:
        family: AF_INET or AF_INET6.
        states: A bit each.
        extensions: The attributes wanted, INET_DIAG_*.

    Raises:
        OSError: The kernel refuses, or has no inet_diag.
    """
    request = inet_diag_req()
    request["sdiag_family"] = family
    request["sdiag_protocol"] = socket.IPPROTO_TCP
    request["idiag_ext"] = sum(1 << extension - 1 for extension in extensions)
    request["idiag_states"] = states
    return _dump(NETLINK_SOCK_DIAG, MarshalDiag(), SOCK_DIAG_BY_FAMILY, request)


def qdiscs() -> Iterator[Message]:
    """Every instance of a queueing discipline: struct tcmsg.

    Raises:
        OSError: The kernel refuses.
    """
    request = _QdiscRequest()
    request["dump_invisible"] = (4, _DUMP_INVISIBLE)
    return _dump(NETLINK_ROUTE, MarshalRtnl(), RTM_GETQDISC, request)


def _dump(protocol: int, marshal: Any, kind: int, request: Message) -> Iterator[Message]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol):
        pass  # where the kernel refuses this one, pyroute2's would leave an event loop open
    marshal.fix_message = _mend
    with NetlinkSocket(protocol) as asked:
        asked.set_marshal(marshal)
        yield from asked.nlm_request(request, kind, NLM_F_REQUEST | NLM_F_DUMP)


def _mend(message: Message) -> None:
    """Put right what pyroute2 gets wrong, before it hands a message on."""
    _tell_error(message)
    _free_itself(message)


def _free_itself(message: Message) -> None:
    """Let it go with its last user: each of its parts keeps itself, in a list that nobody asks.

    Else those of a dump pile up until they are collected at once, and the screen waits for that.
    """
    for part in (message, *(slot.cell[1] for slot in message.get("attrs", ()))):
        part.chain.clear()


def _tell_error(message: Message) -> None:
    """Have it raised: pyroute2 hides any of sock_diag's, and any that breaks off a dump."""
    if message["header"]["type"] in (NLMSG_ERROR, NLMSG_DONE):
        (errno,) = _ERRNO.unpack_from(message.data, message.offset)
        if errno < 0:
            message["header"]["error"] = OSError(-errno, os.strerror(-errno))


class _QdiscRequest(nlmsg):  # type: ignore[misc]  # pyroute2 has no types
    """A struct tcmsg with an attribute that pyroute2's does not know, a flag."""

    fields = (*tcmsg.fields, ("dump_invisible", "=HH"))
