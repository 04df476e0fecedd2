"""The TCP sockets that hold a map in one network namespace, fresh while one looks at them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from stops_tui.actions import Where
from stops_tui.kernels.users import RawNetns, RawSocket, RawTcpGroup, Users
from stops_tui.screens.base import StopsScreen
from stops_tui.screens.repeated import Repeated
from stops_tui.struct_ops.account import Account
from stops_tui.struct_ops.account.account import SOCKETS
from stops_tui.struct_ops.account.words import netns_phrase
from stops_tui.struct_ops.text import count
from stops_tui.widgets.detail_bar import DetailBar, tabs_of
from stops_tui.widgets.keys import bindings
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.socket_tables import SocketGroups, SocketTable

MOST = 200
"""Lines that are listed, and so looked up, of however many sockets."""
LISTS = {"socket_groups": "By process and peer", "each_socket": "One by one"}
"""The tabs: the action that shows each, and its label."""


class Seen(NamedTuple):
    """What one look brought: how many there are, and the list that is shown."""

    all: int
    groups: tuple[RawTcpGroup, ...] | None
    sockets: tuple[RawSocket, ...] | None


class SocketsScreen(StopsScreen):
    """Two lists of the same sockets; only the one that is shown is looked up."""

    WHERE: ClassVar[Where] = "sockets"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("sockets"),
        Binding("escape", "back", "back", show=False, id="back"),
    ]
    DEFAULT_CSS = "SocketsScreen > LineTable { height: 1fr; }"

    def __init__(self, account: Account, netns: RawNetns) -> None:
        """Args: account: Of the map. netns: The namespace of the part that was chosen."""
        super().__init__()
        self._account = account
        self._netns = netns
        self._shown = "socket_groups"
        self._looks: Repeated[Seen] = Repeated(self, self._job, self._take, self._show_progress)

    def body(self) -> ComposeResult:
        """The tabs and the lists."""
        bar = DetailBar(tabs_of(LISTS, self.facts.config.keys))
        bar.crumbs = f"{self._account.map.id} {self._account.map.name} › {SOCKETS}"
        yield bar
        for table in (SocketGroups(empty="Looking …"), SocketTable(empty="Looking …")):
            table.add_class("box")
            yield table

    def on_mount(self) -> None:
        """Show the groups first: there are fewer of them."""
        self.action_socket_groups()

    def on_screen_suspend(self) -> None:
        """Another screen covers this one."""
        self._looks.stop()

    def on_screen_resume(self) -> None:
        """It is seen again."""
        self._looks.soon(hurry=True)

    # The lists

    def action_socket_groups(self) -> None:
        """Show the sockets by process and peer."""
        self._turn_to("socket_groups")

    def action_each_socket(self) -> None:
        """Show the sockets one by one."""
        self._turn_to("each_socket")

    def _turn_to(self, which: str) -> None:
        self._shown = which
        self.query_one(DetailBar).active = which
        for table in self.query(LineTable):
            table.display = table is self._table
        self._table.focus()
        self._looks.soon(hurry=True)

    @on(DetailBar.Picked)
    def _pick(self, message: DetailBar.Picked) -> None:
        self._turn_to(message.action)

    @property
    def _table(self) -> LineTable:
        return self.query_one(SocketGroups if self._shown == "socket_groups" else SocketTable)

    # Looking

    def _job(self) -> Callable[[], Seen]:
        account = self._account
        groups = self._shown == "socket_groups"
        users = self.facts.kernel.users
        return partial(_see, users, account.map.id, account.name, self._netns.inode, groups)

    def _take(self, seen: Seen) -> bool:
        title = f"{count(seen.all, 'TCP socket')} in {netns_phrase(self._netns)}"
        for table in self.query(LineTable):
            table.border_title = title
            table.empty = f"No socket in {netns_phrase(self._netns)} holds this map any more."
        if seen.groups is not None:
            self.query_one(SocketGroups).show_groups(seen.groups, seen.all)
        if seen.sockets is not None:
            self.query_one(SocketTable).show_sockets(seen.sockets, seen.all)
        return (seen.groups is None) == (self._shown == "socket_groups")

    def _show_progress(self) -> None:
        problem = f"cannot look: {self._looks.problem}" if self._looks.problem else ""
        self._table.border_subtitle = "looking …" if self._looks.late else problem


def _see(users: Users, map_id: int, name: str, netns: int, groups: bool) -> Seen:
    """One look, in a thread of its own."""
    found = users.tcp({map_id: name}).namespaces
    all_ = sum(each.sockets.get(map_id, 0) for each in found if each.netns.inode == netns)
    if groups:
        return Seen(all_, users.tcp_groups(map_id, name, [netns], MOST).get(netns, ()), None)
    return Seen(all_, None, users.tcp_sockets(map_id, name, netns, MOST))
