"""What this kernel lets BPF programs implement: its struct_ops types and their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from stops_tui.actions import Where
from stops_tui.btf import BtfError
from stops_tui.btf.c import declaration
from stops_tui.screens.base import StopsScreen
from stops_tui.struct_ops.inventory import Snapshot
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import Member, StructOpsType, mandatory_names, offered_types
from stops_tui.widgets.keys import bindings
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.type_members import TypeMembers
from stops_tui.widgets.type_table import TypeTable, key_of, maps_of

READING = "Reading the BTF of the kernel and of its modules…"
NONE = "The BTF of this kernel and of its modules describes no struct_ops type."


class TypesScreen(StopsScreen):
    """Types above, the members of the chosen one below."""

    WHERE: ClassVar[Where] = "types"
    BINDINGS: ClassVar[list[BindingType]] = bindings("types")
    DEFAULT_CSS = """
    TypesScreen {
        & > TypeTable { max-height: 45%; }
        & > TypeMembers { height: 1fr; }
        & > Static { height: auto; padding: 0 2; }
        & > #mandatory { color: $text-muted; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._types: Sequence[StructOpsType] = ()

    def body(self) -> ComposeResult:
        """Two tables, the chosen member at full length, and what is mandatory."""
        types, members = TypeTable(empty=READING), TypeMembers()
        types.add_class("box")
        members.add_class("box")
        types.border_title = "Types this kernel lets BPF implement"
        yield types
        yield members
        yield Static(id="declared", markup=False)
        yield Static(id="mandatory", markup=False)

    def on_mount(self) -> None:
        """Read the types aside; follow the maps."""
        self.facts.lookup(self, lambda: offered_types(self.facts.kernel), self._take_types)
        self.watch(self.app, "snapshot", self._show_types, init=False)
        self.query_one(TypeTable).focus()

    def _take_types(self, types: Sequence[StructOpsType]) -> None:
        self._types = types
        table = self.query_one(TypeTable)
        table.empty = NONE
        table.border_subtitle = f"{len(types)} type{'' if len(types) == 1 else 's'}"
        self._show_types()

    def _show_types(self) -> None:
        self.query_one(TypeTable).show_types(self._types, self._snapshot)
        self._show_members()

    @property
    def _snapshot(self) -> Snapshot:
        return self.facts.snapshot or Snapshot(0)

    @property
    def _chosen(self) -> StructOpsType | None:
        key = self.query_one(TypeTable).cursor_key
        return next((found for found in self._types if key_of(found) == key), None)

    @on(LineTable.Highlighted, "TypeTable")
    def _show_members(self) -> None:
        found = self._chosen
        if not found:
            return
        members = self.query_one(TypeMembers)
        members.border_title = Text(f"struct {printable(found.name)}")
        members.border_subtitle = f"{len(found.members)} members · {found.size} B"
        members.show_members(found, maps_of(found, self._snapshot))
        self._show_declared()
        self.query_one("#mandatory", Static).update(_mandatory_text(found))

    @property
    def _declared(self) -> str:
        """The chosen member as C declares it: `u32 (*ssthresh)(struct sock *)`."""
        found, index = self._chosen, self.query_one(TypeMembers).cursor_key
        for member in found.members if found else ():
            if found and member.index == index:
                return declared(found, member)
        return ""

    @on(LineTable.Highlighted, "TypeMembers")
    def _show_declared(self) -> None:
        self.query_one("#declared", Static).update(printable(self._declared))

    @on(LineTable.Chosen, "TypeTable")
    def action_show_maps(self) -> None:
        """Show the maps of the chosen type in the explorer."""
        found = self._chosen
        if not found:
            return
        if maps_of(found, self._snapshot):
            self.facts.show_maps_of(found.name)
        else:
            self.notify(f"No map implements {printable(found.name)} yet.", markup=False)

    def action_register_type(self) -> None:
        """Open the wizard with the chosen type."""
        if found := self._chosen:
            self.facts.register(type_name=found.name)

    def action_copy_type(self) -> None:
        """Copy what the cursor is on."""
        found = self._chosen
        if not found:
            return
        text = self._declared if self.query_one(TypeMembers).has_focus else found.name
        self.app.copy_to_clipboard(text)
        self.notify(f"Copied: {printable(text)}", markup=False)


def declared(found: StructOpsType, member: Member) -> str:
    """A member as C declares it: `u32 (*ssthresh)(struct sock *)`."""
    try:
        return declaration(found.btf, member.type_id, member.name)
    except BtfError:
        return member.name


def _mandatory_text(found: StructOpsType) -> str:
    """Which members the kernel insists on, an either-or said as one."""
    names = mandatory_names(found.members)
    return f"* mandatory: {', '.join(names)}" if names else "No member is mandatory."
