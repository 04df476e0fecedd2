"""The text of the help page: the focused thing, the keys, the words, the reference count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.dom import DOMNode

from stops_tui.actions import Action, action
from stops_tui.config.keys import key_text

STATUS_WORDS = (
    ("initialised", "made, but without a value: nothing is registered"),
    ("registered", "the subsystem has it (a plain map, state INUSE)"),
    ("attached", "the subsystem has it through a link (state READY, with a link)"),
    ("ready, not attached", "its value is checked and complete, but no link registers it"),
    ("unregistered, held", "taken out; lives on until its last holder lets go"),
    ("ejected", "sched_ext threw the scheduler out; map and link do not show that"),
    ("attached, device gone", "the HID device it was attached to is unplugged"),
)
"""Every status word and what it means, for people."""

REFCNT = """
`REFCNT` is what the kernel counts: the subsystem's users of the map (TCP sockets, qdiscs, …), one
for a plain map's registration, one for each link. Open files and pins of the map are not in it.

`holders` is `REFCNT` less registration and links: who would still use the map once it is
unregistered. A TCP socket is a holder until it closes; sched_ext and HID hold none.
"""


def marked(text: str) -> Text:
    """Text in which what stands between backticks is bold; lines of a paragraph are joined."""
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    pieces = re.split(r"`([^`]*)`", "\n\n".join(paragraphs))
    return Text.assemble(*((piece, "bold" if i % 2 else "") for i, piece in enumerate(pieces)))


def focused_help(node: DOMNode | None) -> str:
    """What the focused widget, or else the nearest thing around it, says of itself."""
    nodes = node.ancestors_with_self if node else []
    texts = (getattr(found, "HELP", None) for found in nodes)
    return next((text for text in texts if text), "")


def help_text(about: str, actions: Sequence[Action], keys: Mapping[str, str]) -> RenderableType:
    """The whole page.

    Args:
        about: What the focused thing says of itself, with ids of actions (`{copy}`) in place of
            their keys; "" if nothing.
        actions: What can be done on the screen that help was asked on.
        keys: Configured keys by action id.
    """
    here = [action for action in actions if action.where != "everywhere"]
    everywhere = [action for action in actions if action.where == "everywhere"]
    said = re.sub(r"\{(\w+)\}", lambda found: key_text(action(found[1]), keys), about)
    parts: list[tuple[str, RenderableType]] = [("What is focused", marked(said))] if said else []
    parts += [("Keys on this screen", _keys(here, keys))] if here else []
    parts += [
        ("Keys everywhere", _keys(everywhere, keys)),
        ("Status", _pairs(STATUS_WORDS)),
        ("Reference count", marked(REFCNT)),
    ]
    return Group(*(_section(title, body) for title, body in parts))


def _keys(actions: Sequence[Action], keys: Mapping[str, str]) -> Table:
    return _pairs((key_text(action, keys), action.help) for action in actions)


def _section(title: str, body: RenderableType) -> RenderableType:
    return Padding(Group(Text(title, "bold underline"), Padding(body, (0, 0, 0, 2))), (0, 0, 1, 0))


def _pairs(pairs: Iterable[tuple[str, str]]) -> Table:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True)
    rows.add_column()
    for word, meaning in pairs:
        rows.add_row(Text(word, "bold"), Text(meaning))
    return rows
