"""The command line: verbs, options, help with examples.

Completion and man page are made from this same parser.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

from stops_tui import __version__
from stops_tui.cli.base import PATHS, Parser, Verbs, add_json, add_verb
from stops_tui.cli.effects import check_effects
from stops_tui.cli.recordings import (
    DEMO,
    add_demo,
    add_recording_verbs,
    add_replay,
    duration,
)
from stops_tui.cli.selection import add_selection, selection
from stops_tui.cli.writing import add_writing_verbs, check_swap

SHELLS: Final = ("bash", "zsh", "fish")

EXAMPLES: Final = """\
  sudo stops-tui                        watch this host's struct_ops maps live
  sudo stops-tui --interval 0.5         look twice a second
  sudo stops-tui --write                the same, and it may register and unregister
  stops-tui --demo                      a simulated kernel: no privilege, nothing can break
  sudo stops-tui list                   the same facts as a table, once
  sudo stops-tui list --json            for scripts
  sudo stops-tui watch                  what changes, line by line
  sudo stops-tui register --example reno
  sudo stops-tui unregister name stops_reno
  sudo stops-tui record night.stops     what happens, into a file that `replay` plays anywhere
"""

EXIT_STATUS: Final = """\
  0 fine   1 not found   2 usage   3 permission   4 unsupported kernel   5 the kernel refused
  74 what it prints or records cannot be written
"""

EPILOG: Final = f"""\
examples:
{EXAMPLES}
exit status:
{EXIT_STATUS}
settings:
  $XDG_CONFIG_HOME/stops-tui/config.toml, under sudo that of root; `stops-tui config` shows them
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments, checked.

    Returns:
        A namespace with `verb` (None: the app), the options, `interval` (None: not given), and
        for verbs that choose objects `select`: (by, which) as in ("id", 58) or ("name", "dctcp"),
        or None for all.

    Raises:
        SystemExit: 2 after an error was told, 0 after `--help` or `--version`.
    """
    found = build_parser().parse_args(arguments)
    if "by" in found:
        found.select = selection(found)
    check_effects(found)
    if found.verb == "swap":
        check_swap(found)
    for option, value in DEMO.items():
        if getattr(found, option) is None:
            setattr(found, option, value)
    return found


def build_parser() -> Parser:
    """The whole parser, for parsing, completion and man page."""
    parser = Parser(
        prog="stops-tui",
        usage="stops-tui [--write] [--interval S] [--demo] [--version] [--help] [VERB ...]",
        description="A terminal explorer for BPF struct_ops. Without a verb, the app opens: every "
        "struct_ops map\nof this kernel, live, and what is behind each member. It changes nothing "
        "unless writing is armed.",
        epilog=EPILOG,
    )
    parser.set_defaults(parser=parser)
    parser.add_argument("--version", action="version", version=f"stops-tui {__version__}")
    parser.add_argument(
        "--write", action="store_true", help="open the app with writing armed: it may register"
    )
    _add_interval(parser)
    add_demo(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", parser_class=Parser)
    _add_list(verbs)
    _add_holders(verbs)
    _add_dump(verbs)
    _add_types(verbs)
    _add_progs(verbs)
    _add_prog(verbs)
    _add_watch(verbs)
    add_writing_verbs(verbs)
    _add_object(verbs)
    add_recording_verbs(verbs, _add_interval)
    _add_config(verbs)
    _add_completion(verbs)
    return parser


def _add_list(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "list",
        "[id N | name X | type T] [--holders] [--json] [--replay FILE [--at TIME] | --demo]",
        "every struct_ops map: type, state, status, refcnt, members, links, holders",
        """\
One line a map, by id. REFCNT is the kernel's count, HOLDERS what is left of it without
registration and links: sockets, qdiscs and the like. HELD BY tells the processes with an open
file descriptor of the map or its links, and the paths they are pinned at.

With --holders, why each map is there, in a sentence; see `stops-tui holders --help`.

A name is the map's, or that of its congestion control, scheduler or qdisc.

Nothing found is exit 1 where something was asked for; with --json it is [] as well.""",
        """\
  stops-tui list                        all maps, by id
  stops-tui list type tcp_congestion_ops
  stops-tui list --holders              why each is there
  stops-tui list --json | jq '.[] | select(.holders > 0) | .name'
""",
    )
    add_selection(verb, "id", "name", "type")
    verb.add_argument("--holders", action="store_true", help="look up who holds each map, too")
    add_json(verb)
    add_replay(verb)


def _add_holders(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "holders",
        "(id N | name X) [--json] [--replay FILE [--at TIME] | --demo]",
        "why a map is there: its refcnt as a sum, and who keeps it",
        """\
A sentence first, then what the reference count is made of: registration or links, TCP sockets and
defaults in every network namespace, qdiscs. What cannot be told is `unexplained`, with what could
not be looked at. Then what the subsystem says of itself, and the processes and pins that keep the
map. A name is the map's, or that of its congestion control, scheduler or qdisc; all maps of a name
are told.

With --json, an array: sentence, refcnt, parts (what, n, netns, detail), unexplained; the parts'
n and unexplained add up to refcnt. settled is false where refcnt moved while it was looked at.""",
        """\
  stops-tui holders id 58
  stops-tui holders name dctcp --json | jq -r '.[].sentence'
""",
    )
    add_selection(verb, "id", "name")
    add_json(verb)
    add_replay(verb)


def _add_dump(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "dump",
        "[id N | name X] [--json] [--replay FILE [--at TIME] | --demo]",
        "the value of maps: every member, and the program behind it",
        """\
The value as C would initialise it. With --json, what bpftool -j struct_ops dump prints. A name is
the map's, or that of its congestion control, scheduler or qdisc.""",
        """\
  stops-tui dump id 58
  stops-tui dump name dctcp --json
""",
    )
    add_selection(verb, "id", "name")
    add_json(verb)
    add_replay(verb)


def _add_types(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "types",
        "[NAME] [--json] [--replay FILE [--at TIME] | --demo]",
        "what this kernel lets BPF implement, and which maps do",
        """\
The struct_ops types in the BTF of the kernel and of its modules. Of a type that is named, its
members too; offsets and sizes are bytes from the start of the type.""",
        """\
  stops-tui types                       all types
  stops-tui types tcp_congestion_ops    its members too
""",
    )
    verb.add_argument("name", nargs="?", metavar="NAME", help="only the type of this name")
    add_json(verb)
    add_replay(verb)


def _add_progs(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "progs",
        "[--json] [--replay FILE [--at TIME] | --demo]",
        "every struct_ops program: its struct, its member, the maps it serves, its runs",
        """\
The kernel tells which struct a program is for, but its member only through a map that has it.
Runs are counted only while run statistics are on. With --json, maps are the struct_ops maps a
program serves, and map_ids those that its instructions use.""",
        """\
  stops-tui progs
  stops-tui progs --json | jq '.[] | select(.maps == [])'
""",
    )
    add_json(verb)
    add_replay(verb)


def _add_prog(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "prog",
        "(id N | name X) [--xlated | --jited] [--json] [--replay FILE [--at TIME] | --demo]",
        "everything about one program, its code included",
        """\
What the kernel tells of it, then its translated and its JITed instructions with source lines
between. A name is the C function's, or the 15 characters of it that the kernel keeps; all
programs of that name are printed. With --json, an array of them.""",
        """\
  stops-tui prog id 25
  stops-tui prog id 25 --xlated         as bpftool prog dump xlated id 25
  stops-tui prog name dctcp_init --jited
""",
    )
    add_selection(verb, "id", "name")
    code = verb.add_mutually_exclusive_group()
    for form, says in ("xlated", "its translated instructions"), ("jited", "its JITed code"):
        code.add_argument(
            f"--{form}", dest="form", action="store_const", const=form, help=f"only {says}"
        )
    add_json(verb)
    add_replay(verb)


def _add_watch(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "watch",
        "[--json] [--duration S] [--interval S]",
        "what changes, as it happens, one event a line",
        """\
Ends with ^C, or as soon as nobody reads it any more. What is there at the start is no event.

With --json each line is an object: time (seconds since the epoch), map_id, map_name, what (map,
state, status, refcnt, links or value), before and after, both text; before is "" for a map that
appeared, after is "" for one that is gone. reason tells why, where that is known: of a scheduler
that was ejected, of a map that its last holder let go.""",
        """\
  stops-tui watch
  stops-tui watch --json --duration 60 > events.jsonl
""",
    )
    add_json(verb)
    verb.add_argument("--duration", type=duration, metavar="S", help="end after this many seconds")
    _add_interval(verb, default=argparse.SUPPRESS)


def _add_object(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "object",
        "FILE [--json]",
        "what is in a BPF object file: struct_ops, programs, maps, what it needs of this kernel",
        """\
Nothing is loaded, and any user on any system may ask. Where the types of the running kernel can be
read (/sys/kernel/btf), struct_ops are compared with them.

With --json, an object: license, struct_ops (each variable, type, link, optional, members by name:
the program's name, null for none, or the value), programs (each name, section, sleepable, insns),
maps (each name, type, key_size, value_size, max_entries), needs (what this kernel lacks: each
variable, member, lack, stops, words; null where there was no kernel to compare with).

A file that cannot be read or is no BPF object is exit 1.""",
        """\
  stops-tui object dctcp.bpf.o
  stops-tui object dctcp.bpf.o --json | jq '.struct_ops[].members'
""",
    )
    file = verb.add_argument(
        "file", metavar="FILE", help="the object, as clang -target bpf made it"
    )
    file.complete = PATHS  # type: ignore[attr-defined]  # where shtab looks for it
    add_json(verb)


def _add_config(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "config",
        "[--json]",
        "every setting, its value, and where that came from",
        """\
A value comes from the command line, else the environment, else the file, else it is the default.
What is wrong in the file is told with its line, and is exit 2.""",
        """\
  stops-tui config
  stops-tui --interval 5 config
""",
    )
    add_json(verb)


def _add_completion(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "completion",
        "{bash,zsh,fish}",
        "print the completion script of a shell",
        "The script goes where the shell looks for it.",
        """\
  stops-tui completion bash > /etc/bash_completion.d/stops-tui
  stops-tui completion zsh  > /usr/local/share/zsh/site-functions/_stops-tui
  stops-tui completion fish > ~/.config/fish/completions/stops-tui.fish
""",
    )
    verb.add_argument("shell", choices=SHELLS, help="which shell")


def _add_interval(parser: Parser, default: Any = None) -> None:
    parser.add_argument(
        "--interval", type=_interval, default=default, metavar="S", help="seconds between looks"
    )


def _interval(text: str) -> float:
    from stops_tui.config.settings import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
