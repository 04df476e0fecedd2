"""Every action there is, by the screen it belongs to; the order on a screen is its footer's."""

from __future__ import annotations

from stops_tui.actions.model import Action, Where


def _on(where: Where, *actions: Action) -> tuple[Action, ...]:
    return tuple(each._replace(where=where) for each in actions)


EVERYWHERE = _on(
    "everywhere",
    Action(
        "help",
        "question_mark",
        "help",
        "Explain the focused thing and list the keys.",
        footer=True,
    ),
    Action("command_palette", "ctrl+p", "all", "Find any action by name.", footer=True),
    Action(
        "types",
        "t",
        "types",
        "What this kernel lets BPF implement, and how many maps do.",
        footer=True,
    ),
    Action(
        "open_object",
        "o",
        "open object",
        "Open a BPF object file (.bpf.o): see what is in it, and register it.",
        footer=True,
    ),
    Action(
        "events",
        "e",
        "events",
        "Everything that changed since the start, and every command sent to change it.",
        footer=True,
    ),
    Action("pause", "p", "pause", "Stop looking at the kernel, or go on.", footer=True),
    Action(
        "arm",
        "W",
        "arm writing",
        "Let this program change the kernel, after asking once; again for read-only.",
    ),
    Action("back", "escape", "back", "Come back: clear the filter, leave a screen."),
    Action(
        "count_runs",
        "k",
        "run statistics",
        "Count calls/s and ns/call of programs: costs a little in the kernel, off again on exit.",
    ),
    Action(
        "record",
        "R",
        "record",
        "Write what happens from now on into a file that can be replayed anywhere; again, end it.",
    ),
    Action(
        "faster", "plus", "look more often", "Shorten the time between two looks at the kernel."
    ),
    Action(
        "slower",
        "minus",
        "look less often",
        "Lengthen the time between two looks at the kernel.",
    ),
    Action(
        "quit",
        "q",
        "quit",
        "Leave; asks first where links that only this program holds would go with it.",
        footer=True,
    ),
)

EXPLORER = _on(
    "explorer",
    Action(
        "open",
        "enter",
        "open",
        "Go deeper: from a map to its members, from a member to its program.",
        footer=True,
    ),
    Action(
        "register",
        "r",
        "register",
        "Compose a struct_ops map step by step, of loaded programs or an example, and register it.",
        footer=True,
    ),
    Action(
        "unregister",
        "u",
        "unregister",
        "End the registration of the map, or detach the link at the cursor; asks first.",
        footer=True,
        writes=True,
    ),
    Action(
        "filter",
        "slash",
        "filter",
        "Show only maps that match, as you type: words, or type:tcp state:inuse.",
        footer=True,
    ),
    Action(
        "sort",
        "s",
        "sort",
        "Choose the column the maps are sorted by, and which way.",
        footer=True,
    ),
    Action("members", "1", "members", "The map's members and the programs behind them."),
    Action("value", "2", "value", "The map's whole value, as a tree."),
    Action(
        "holders",
        "3",
        "holders",
        "What keeps the map: its reference count, pins and processes.",
    ),
    Action("map_events", "4", "map events", "What changed on this map since the start."),
    Action("links", "5", "links and pins", "The map's links, and the paths it is pinned at."),
    Action(
        "unset",
        "full_stop",
        "unset members",
        "Show or hide the function members that are not set.",
    ),
    Action("raw", "x", "raw bytes", "Show or hide the bytes beside each member of the value."),
    Action("copy", "y", "copy", "Copy the map's id, name or JSON to the clipboard."),
    Action(
        "remove_pin",
        "delete",
        "remove pin",
        "Remove the pin at the cursor among links and pins; asks first.",
        writes=True,
    ),
    Action(
        "swap",
        "w",
        "swap into link",
        "Put the map in the place of the one that a link holds, where its type can; asks first.",
        writes=True,
    ),
    Action(
        "try_it",
        "T",
        "try it",
        "Open TCP connections over loopback under the map's congestion control, and watch it.",
        writes=True,
    ),
    Action(
        "demo",
        "d",
        "demo",
        "Leave for a simulated kernel: see it work, register things, break nothing.",
    ),
)

EVENTS = _on(
    "events",
    Action("all_events", "1", "events", "Everything that changed since the start.", footer=True),
    Action(
        "commands",
        "2",
        "command log",
        "Every command sent to change the kernel, with its result.",
        footer=True,
    ),
    Action("copy_command", "y", "copy", "Copy the event or command at the cursor.", footer=True),
    Action("copy_commands", "Y", "copy all", "Copy all of the events or commands."),
)

TYPES = _on(
    "types",
    Action(
        "show_maps",
        "enter",
        "its maps",
        "Show the maps of the chosen type in the explorer.",
        footer=True,
    ),
    Action(
        "register_type",
        "r",
        "register",
        "Register a map of the chosen type, step by step.",
        footer=True,
    ),
    Action("copy_type", "y", "copy", "Copy the type's or member's line to the clipboard."),
)

PROGRAM = _on(
    "program",
    Action(
        "goto_map",
        "enter",
        "go to map",
        "Show the chosen map, which the program serves.",
        footer=True,
    ),
    Action("search", "slash", "search", "Find text in the code, as you type.", footer=True),
    Action("next_match", "n", "next match", "Go to the next line that matches the search."),
    Action(
        "previous_match",
        "N",
        "previous match",
        "Go to the line before that matches the search.",
    ),
    Action(
        "next_source",
        "right_square_bracket",
        "source line",
        "Go to the code of the next source line.",
        footer=True,
    ),
    Action(
        "previous_source",
        "left_square_bracket",
        "previous source line",
        "Go to the code of the source line before.",
    ),
    Action(
        "next_function",
        "right_curly_bracket",
        "next function",
        "Go to the next function of the program.",
    ),
    Action(
        "previous_function",
        "left_curly_bracket",
        "previous function",
        "Go to the function before.",
    ),
    Action("xlated", "1", "translated", "The instructions as the verifier left them."),
    Action("jited", "2", "JITed", "The machine code made of them."),
    Action("zoom", "z", "zoom", "Give the whole screen to the code, or take it back.", footer=True),
    Action("copy_line", "y", "copy line", "Copy the line at the cursor to the clipboard."),
    Action("copy_code", "Y", "copy code", "Copy all of the code to the clipboard."),
)

SOCKETS = _on(
    "sockets",
    Action("socket_groups", "1", "by process", "Sockets by process and peer.", footer=True),
    Action(
        "each_socket", "2", "one by one", "Each socket, with what TCP knows of it.", footer=True
    ),
)

OBJECT = _on(
    "object",
    Action(
        "choose_map",
        "space",
        "choose",
        "Choose the struct_ops map at the cursor, or leave it out: several are registered as one.",
        footer=True,
    ),
    Action(
        "register_object",
        "r",
        "register",
        "Review and register the chosen struct_ops maps; if none is chosen, the one at the cursor.",
        footer=True,
    ),
    Action(
        "adjust",
        "enter",
        "adjust",
        "Give the member at the cursor another program or value before it is registered.",
        footer=True,
    ),
    Action(
        "object_members",
        "1",
        "members",
        "The members of the struct_ops map, beside those of this kernel.",
    ),
    Action("object_programs", "2", "programs", "The programs in the object file."),
    Action("object_maps", "3", "other maps", "The maps that its programs use."),
    Action("object_needs", "4", "needs", "What the object needs that this kernel lacks."),
    Action("copy_object", "y", "copy", "Copy the line at the cursor to the clipboard."),
)

REGISTER = _on(
    "register",
    Action("next", "ctrl+n", "continue", "Go on to the next step.", footer=True),
    Action(
        "dry_run",
        "d",
        "dry run",
        "In the review: let the kernel check the plan, and register nothing.",
    ),
    Action(
        "copy_log",
        "y",
        "copy the log",
        "After a refusal: copy what the verifier or libbpf wrote to the clipboard.",
    ),
    Action("save_plan", "ctrl+s", "save plan", "Save the plan to a file.", footer=True),
    Action("load_plan", "ctrl+o", "load plan", "Load a plan from a file.", footer=True),
)

UNREADABLE = _on(
    "unreadable",
    Action(
        "copy_remedy",
        "y",
        "copy the command",
        "Copy the command that mends it to the clipboard.",
        footer=True,
    ),
    Action("retry", "r", "try again", "Look again whether this kernel can be read.", footer=True),
    Action(
        "open_demo",
        "enter",
        "open the demo",
        "See it work on a simulated kernel, which needs no privilege.",
        footer=True,
    ),
)

REPLAY = _on(
    "replay",
    Action("seek_back", "less_than_sign", "10 s back", "In a recording: go ten seconds back."),
    Action("seek_on", "greater_than_sign", "10 s on", "In a recording: go ten seconds on."),
    Action(
        "previous_event",
        "shift+left",
        "event before",
        "In a recording: go to the event before, and stay there.",
    ),
    Action(
        "next_event",
        "shift+right",
        "next event",
        "In a recording: go to the next event, and stay there.",
    ),
)

ACTIONS: tuple[Action, ...] = (
    *EVERYWHERE,
    *EXPLORER,
    *EVENTS,
    *TYPES,
    *PROGRAM,
    *SOCKETS,
    *OBJECT,
    *REGISTER,
    *UNREADABLE,
    *REPLAY,
)
