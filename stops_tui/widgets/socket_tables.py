"""The TCP sockets that hold a map in one network namespace: in groups, and one by one."""

from __future__ import annotations

from collections.abc import Sequence

from stops_tui.kernels.users import RawSocket, RawTcpGroup
from stops_tui.widgets.line_table import Column, LineTable, Row, Span

NOBODY = "no process that can be seen"


def _process(pid: int, comm: str) -> tuple[Span, ...]:
    if not pid:
        return (Span(NOBODY, "dim"),)
    return Span(comm, "accent"), Span(f"  pid {pid}")


def _rest(shown: int, all_: int) -> list[Row]:
    """How many are not listed."""
    if shown >= all_:
        return []
    return [Row("more", (Span(f"… {all_ - shown:,} more", "dim"),))]


class SocketGroups(LineTable):
    """The sockets of each process with each peer."""

    HELP = "The sockets under the map by process and peer, the most first."
    COLUMNS = (
        Column("count", "SOCKETS", 9, right=True),
        Column("process", "PROCESS", 30, least=24, grow=True),
        Column("peer", "PEER", 40, least=24, grow=True),
    )
    MARKS = frozenset({"count"})

    def show_groups(self, groups: Sequence[RawTcpGroup], all_: int) -> None:
        """Show these groups, and how many sockets are in none of them."""
        rows = [
            Row(
                (group.pid, group.peer),
                (
                    f"{group.sockets:,}",
                    _process(group.pid, group.comm),
                    group.peer or Span("none", "dim"),
                ),
            )
            for group in groups
        ]
        self.show_rows([*rows, *_rest(sum(group.sockets for group in groups), all_)])


class SocketTable(LineTable):
    """Each socket, with what TCP knows of it."""

    HELP = """Sockets under the map, one a line. `CWND`: segments that may be in flight. `ACKED` and
`RECEIVED`: bytes that the peer acknowledged, and that it sent."""
    COLUMNS = (
        Column("state", "STATE", 12, least=11),
        Column("local", "LOCAL", 24, least=18, grow=True),
        Column("peer", "PEER", 24, least=18, grow=True),
        Column("process", "PROCESS", 24, least=16, grow=True),
        Column("cwnd", "CWND", 6, right=True, keep=5),
        Column("rtt", "RTT", 9, right=True, keep=6),
        Column("acked", "ACKED", 14, right=True, keep=4),
        Column("received", "RECEIVED", 14, right=True, keep=3),
    )

    def show_sockets(self, sockets: Sequence[RawSocket], all_: int) -> None:
        """Show these sockets, and how many more there are."""
        rows = [Row(_key(nth, socket), _cells(socket)) for nth, socket in enumerate(sockets)]
        self.show_rows([*rows, *_rest(len(sockets), all_)])


def _key(nth: int, socket: RawSocket) -> tuple[int | str, ...]:
    """Its inode; addresses of one that no process has, and its place where it has none."""
    if socket.inode:
        return (socket.inode,)
    return socket.local, socket.remote, nth if not socket.remote else 0


def _cells(socket: RawSocket) -> tuple[str | Span | tuple[Span, ...], ...]:
    none = Span("–", "dim")
    moves = socket.state != "LISTEN"
    return (
        socket.state,
        socket.local or none,
        socket.remote or none,
        _process(socket.pid, socket.comm),
        f"{socket.cwnd:,}" if moves else none,
        _time(socket.rtt_us) if socket.rtt_us else none,
        f"{socket.bytes_acked:,}" if moves else none,
        f"{socket.bytes_received:,}" if moves else none,
    )


def _time(microseconds: int) -> str:
    """`38 µs`, `1.5 ms`: on loopback it is less than a millisecond."""
    if microseconds < 1000:
        return f"{microseconds} µs"
    return f"{microseconds / 1000:,.1f} ms"
