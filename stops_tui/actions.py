"""Every action in the app: one registry for keys, footer, help, palette and man page.

Imports nothing of the terminal library, so that the man page is built without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stops_tui.record import Record

Where = Literal[
    "everywhere",
    "explorer",
    "events",
    "types",
    "program",
    "sockets",
    "object",
    "register",
    "unreadable",
    "replay",
]
"""The screen an action belongs to."""


class Action(Record):
    """One thing a person can do.

    Attributes:
        id: Its name in `[keys]` of the configuration; the method is `action_<id>`.
        keys: The default key, or several between commas, as Textual names them.
        label: Two or three words for the footer and the palette.
        help: One sentence for help and man page.
        where: Which screen it belongs to.
        footer: Whether the footer has room for it; the registry's order is the footer's.
        writes: Whether it changes the kernel, and so does nothing while writing is not armed.
    """

    id: str
    keys: str
    label: str
    help: str
    where: Where
    footer: bool = False
    writes: bool = False


ACTIONS: tuple[Action, ...] = (
    Action(
        "open",
        "enter",
        "open",
        "Go deeper: from a map to its members, from a member to its program.",
        "explorer",
        True,
    ),
    Action(
        "register",
        "r",
        "register",
        "Compose a struct_ops map step by step, of loaded programs or an example, and register it.",
        "explorer",
        True,
    ),
    Action(
        "unregister",
        "u",
        "unregister",
        "End the registration of the map, or detach the link at the cursor; asks first.",
        "explorer",
        True,
        writes=True,
    ),
    Action(
        "filter",
        "slash",
        "filter",
        "Show only maps that match, as you type: words, or type:tcp state:inuse.",
        "explorer",
        True,
    ),
    Action(
        "sort",
        "s",
        "sort",
        "Choose the column the maps are sorted by, and which way.",
        "explorer",
        True,
    ),
    Action(
        "help",
        "question_mark",
        "help",
        "Explain the focused thing and list the keys.",
        "everywhere",
        True,
    ),
    Action("command_palette", "ctrl+p", "all", "Find any action by name.", "everywhere", True),
    Action(
        "types",
        "t",
        "types",
        "What this kernel lets BPF implement, and how many maps do.",
        "everywhere",
        True,
    ),
    Action(
        "open_object",
        "o",
        "open object",
        "Open a BPF object file (.bpf.o): see what is in it, and register it.",
        "everywhere",
        True,
    ),
    Action(
        "events",
        "e",
        "events",
        "Everything that changed since the start, and every command sent to change it.",
        "everywhere",
        True,
    ),
    Action("pause", "p", "pause", "Stop looking at the kernel, or go on.", "everywhere", True),
    Action(
        "arm",
        "W",
        "arm writing",
        "Let this program change the kernel, after asking once; again for read-only, at once.",
        "everywhere",
    ),
    Action("back", "escape", "back", "Come back: clear the filter, leave a screen.", "everywhere"),
    Action(
        "members", "1", "members", "The map's members and the programs behind them.", "explorer"
    ),
    Action("value", "2", "value", "The map's whole value, as a tree.", "explorer"),
    Action(
        "holders",
        "3",
        "holders",
        "What keeps the map: its reference count, pins and processes.",
        "explorer",
    ),
    Action(
        "map_events", "4", "map events", "What changed on this map since the start.", "explorer"
    ),
    Action(
        "links",
        "5",
        "links and pins",
        "The map's links, and the paths it is pinned at.",
        "explorer",
    ),
    Action(
        "unset",
        "full_stop",
        "unset members",
        "Show or hide the function members that are not set.",
        "explorer",
    ),
    Action(
        "raw",
        "x",
        "raw bytes",
        "Show or hide the bytes beside each member of the value.",
        "explorer",
    ),
    Action(
        "count_runs",
        "k",
        "run statistics",
        "Count calls/s and ns/call of programs: costs a little in the kernel, off again on exit.",
        "everywhere",
    ),
    Action("copy", "y", "copy", "Copy the map's id, name or JSON to the clipboard.", "explorer"),
    Action(
        "remove_pin",
        "delete",
        "remove pin",
        "Remove the pin at the cursor among links and pins; asks first.",
        "explorer",
        writes=True,
    ),
    Action(
        "swap",
        "w",
        "swap into link",
        "Put the map in the place of the one that a link holds, where its type can; asks first.",
        "explorer",
        writes=True,
    ),
    Action(
        "try_it",
        "T",
        "try it",
        "Open TCP connections over loopback under the map's congestion control, and watch it.",
        "explorer",
        writes=True,
    ),
    Action("all_events", "1", "events", "Everything that changed since the start.", "events", True),
    Action(
        "commands",
        "2",
        "command log",
        "Every command sent to change the kernel, with its result.",
        "events",
        True,
    ),
    Action("copy_command", "y", "copy", "Copy the event or command at the cursor.", "events", True),
    Action("copy_commands", "Y", "copy all", "Copy all of the events or commands.", "events"),
    Action(
        "show_maps",
        "enter",
        "its maps",
        "Show the maps of the chosen type in the explorer.",
        "types",
        True,
    ),
    Action(
        "register_type",
        "r",
        "register",
        "Register a map of the chosen type, step by step.",
        "types",
        True,
    ),
    Action(
        "choose_map",
        "space",
        "choose",
        "Choose the struct_ops map at the cursor, or leave it out: several are registered as one.",
        "object",
        True,
    ),
    Action(
        "register_object",
        "r",
        "register",
        "Review and register the chosen struct_ops maps; if none is chosen, the one at the cursor.",
        "object",
        True,
    ),
    Action(
        "adjust",
        "enter",
        "adjust",
        "Give the member at the cursor another program or value before it is registered.",
        "object",
        True,
    ),
    Action(
        "object_members",
        "1",
        "members",
        "The members of the struct_ops map, beside those of this kernel.",
        "object",
    ),
    Action("object_programs", "2", "programs", "The programs in the object file.", "object"),
    Action("object_maps", "3", "other maps", "The maps that its programs use.", "object"),
    Action("object_needs", "4", "needs", "What the object needs that this kernel lacks.", "object"),
    Action("copy_object", "y", "copy", "Copy the line at the cursor to the clipboard.", "object"),
    Action(
        "next",
        "ctrl+n",
        "continue",
        "Go on to the next step.",
        "register",
        True,
    ),
    Action(
        "dry_run",
        "d",
        "dry run",
        "In the review: let the kernel check the plan, and register nothing.",
        "register",
    ),
    Action(
        "copy_log",
        "y",
        "copy the log",
        "After a refusal: copy what the verifier or libbpf wrote to the clipboard.",
        "register",
    ),
    Action("save_plan", "ctrl+s", "save plan", "Save the plan to a file.", "register", True),
    Action("load_plan", "ctrl+o", "load plan", "Load a plan from a file.", "register", True),
    Action(
        "goto_map",
        "enter",
        "go to map",
        "Show the chosen map, which the program serves.",
        "program",
        True,
    ),
    Action("search", "slash", "search", "Find text in the code, as you type.", "program", True),
    Action(
        "next_match", "n", "next match", "Go to the next line that matches the search.", "program"
    ),
    Action(
        "previous_match",
        "N",
        "previous match",
        "Go to the line before that matches the search.",
        "program",
    ),
    Action(
        "next_source",
        "right_square_bracket",
        "source line",
        "Go to the code of the next source line.",
        "program",
        True,
    ),
    Action(
        "previous_source",
        "left_square_bracket",
        "previous source line",
        "Go to the code of the source line before.",
        "program",
    ),
    Action(
        "next_function",
        "right_curly_bracket",
        "next function",
        "Go to the next function of the program.",
        "program",
    ),
    Action(
        "previous_function",
        "left_curly_bracket",
        "previous function",
        "Go to the function before.",
        "program",
    ),
    Action("socket_groups", "1", "by process", "Sockets by process and peer.", "sockets", True),
    Action(
        "each_socket", "2", "one by one", "Each socket, with what TCP knows of it.", "sockets", True
    ),
    Action("xlated", "1", "translated", "The instructions as the verifier left them.", "program"),
    Action("jited", "2", "JITed", "The machine code made of them.", "program"),
    Action(
        "zoom", "z", "zoom", "Give the whole screen to the code, or take it back.", "program", True
    ),
    Action(
        "copy_line", "y", "copy line", "Copy the line at the cursor to the clipboard.", "program"
    ),
    Action("copy_code", "Y", "copy code", "Copy all of the code to the clipboard.", "program"),
    Action("copy_type", "y", "copy", "Copy the type's or member's line to the clipboard.", "types"),
    Action(
        "copy_remedy",
        "y",
        "copy the command",
        "Copy the command that mends it to the clipboard.",
        "unreadable",
        True,
    ),
    Action(
        "retry", "r", "try again", "Look again whether this kernel can be read.", "unreadable", True
    ),
    Action(
        "record",
        "R",
        "record",
        "Write what happens from now on into a file that can be replayed anywhere; again, end it.",
        "everywhere",
    ),
    Action(
        "demo",
        "d",
        "demo",
        "Leave for a simulated kernel: see it work, register things, break nothing.",
        "explorer",
    ),
    Action(
        "open_demo",
        "enter",
        "open the demo",
        "See it work on a simulated kernel, which needs no privilege.",
        "unreadable",
        True,
    ),
    Action(
        "seek_back",
        "less_than_sign",
        "10 s back",
        "In a recording: go ten seconds back.",
        "replay",
    ),
    Action(
        "seek_on",
        "greater_than_sign",
        "10 s on",
        "In a recording: go ten seconds on.",
        "replay",
    ),
    Action(
        "previous_event",
        "shift+left",
        "event before",
        "In a recording: go to the event before, and stay there.",
        "replay",
    ),
    Action(
        "next_event",
        "shift+right",
        "next event",
        "In a recording: go to the next event, and stay there.",
        "replay",
    ),
    Action(
        "faster",
        "plus",
        "look more often",
        "Shorten the time between two looks at the kernel.",
        "everywhere",
    ),
    Action(
        "slower",
        "minus",
        "look less often",
        "Lengthen the time between two looks at the kernel.",
        "everywhere",
    ),
    Action(
        "quit",
        "q",
        "quit",
        "Leave; asks first where links that only this program holds would go with it.",
        "everywhere",
        True,
    ),
)
OF_THE_APP = frozenset[Where]({"everywhere", "replay"})
"""Where keys are the app's own, which it has on every screen."""

WITHOUT_KERNEL = frozenset({"help", "command_palette", "quit"})
"""Which actions of every screen make sense where no kernel can be read."""


LEFT_BY_BACK = frozenset[Where]({"events", "types", "program", "object", "register"})
"""The screens that `back` leaves: their footers say so."""


_BY_ID: Mapping[str, Action] = {each.id: each for each in ACTIONS}


def action(id_: str) -> Action:
    """The action of this id."""
    return _BY_ID[id_]


def actions_of(*where: Where) -> list[Action]:
    """The actions of these screens, in the registry's order."""
    return [action for action in ACTIONS if action.where in where]


def actions_on(where: Where) -> list[Action]:
    """What can be done on a screen: its own actions first, then those of every screen."""
    everywhere = [
        action
        for action in actions_of("everywhere")
        if where != "unreadable" or action.id in WITHOUT_KERNEL
    ]
    return [*actions_of(where), *everywhere] if where != "everywhere" else everywhere


def footer_of(where: Where) -> list[Action]:
    """What the footer of a screen offers, as far as there is room: the dearest first."""
    back = [action for action in ACTIONS if action.id == "back" and where in LEFT_BY_BACK]
    own, others = actions_of(where), [a for a in actions_on(where) if a.where == "everywhere"]
    return [action for action in own if action.footer] + back + [a for a in others if a.footer]
