"""The command line: verbs, options, help with examples.

Completion and man page are made from this same parser.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from stops_tui import __version__

SHELLS: Final = ("bash", "zsh", "fish")

EXAMPLES: Final = """\
  sudo stops-tui                        watch this host's struct_ops maps live
  sudo stops-tui --interval 0.5         look twice a second
  sudo stops-tui list                   the same facts as a table, once
  sudo stops-tui list --json            for scripts
  sudo stops-tui watch                  what changes, line by line
"""

EXIT_STATUS: Final = """\
  0 fine   1 not found   2 usage   3 permission   4 unsupported kernel
"""

EPILOG: Final = f"""\
examples:
{EXAMPLES}
exit status:
{EXIT_STATUS}
settings:
  $XDG_CONFIG_HOME/stops-tui/config.toml; `stops-tui config` shows them
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that says what to do."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to look, and exit 2."""
        for positional in ("argument by: ", "argument VERB: ", "argument shell: "):
            message = message.removeprefix(positional)
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments, checked.

    Returns:
        A namespace with `verb` (None: the app), the verb's options, `interval` (None: not
        given), and for verbs that choose objects `select`: (by, which) as in ("id", 58) or
        ("name", "dctcp"), or None for all.

    Raises:
        SystemExit: 2 after an error was told, 0 after `--help` or `--version`.
    """
    found = build_parser().parse_args(arguments)
    if "by" in found:
        found.select = _selection(found)
    return found


def build_parser() -> Parser:
    """The whole parser, for parsing, completion and man page."""
    parser = Parser(
        prog="stops-tui",
        usage="stops-tui [--interval S] [--version] [--help] [VERB ...]",
        description="A terminal explorer for BPF struct_ops. Without a verb, the app opens: every "
        "struct_ops map\nof this kernel, live, and what is behind each member.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"stops-tui {__version__}")
    _add_interval(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", parser_class=Parser)
    _add_list(verbs)
    _add_dump(verbs)
    _add_types(verbs)
    _add_progs(verbs)
    _add_prog(verbs)
    _add_watch(verbs)
    _add_config(verbs)
    _add_completion(verbs)
    return parser


_Verbs = Any  # argparse has no public name for what add_subparsers() returns


def _add_list(verbs: _Verbs) -> None:
    verb = _verb(
        verbs,
        "list",
        "[id N | name X | type T] [--json]",
        "every struct_ops map: type, state, status, refcnt, members, links, holders",
        """\
One line a map, by id. REFCNT is the kernel's count, HOLDERS what is left of it without
registration and links: sockets, qdiscs and the like. HELD BY tells the processes with an open
file descriptor of the map or its links, and the paths they are pinned at.

Nothing found is exit 1 where something was asked for; with --json it is [] as well.""",
        """\
  stops-tui list                        all maps, by id
  stops-tui list type tcp_congestion_ops
  stops-tui list --json | jq '.[] | select(.holders > 0) | .name'
""",
    )
    _add_selection(verb, "id", "name", "type")
    _add_json(verb)


def _add_dump(verbs: _Verbs) -> None:
    verb = _verb(
        verbs,
        "dump",
        "[id N | name X] [--json]",
        "the value of maps: every member, and the program behind it",
        """\
The value as C would initialise it. With --json, what bpftool -j struct_ops dump prints.""",
        """\
  stops-tui dump id 58
  stops-tui dump name dctcp --json
""",
    )
    _add_selection(verb, "id", "name")
    _add_json(verb)


def _add_types(verbs: _Verbs) -> None:
    verb = _verb(
        verbs,
        "types",
        "[NAME] [--json]",
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
    _add_json(verb)


def _add_progs(verbs: _Verbs) -> None:
    verb = _verb(
        verbs,
        "progs",
        "[--json]",
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
    _add_json(verb)


def _add_prog(verbs: _Verbs) -> None:
    verb = _verb(
        verbs,
        "prog",
        "(id N | name X) [--xlated | --jited] [--json]",
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
    _add_selection(verb, "id", "name")
    code = verb.add_mutually_exclusive_group()
    for form, says in ("xlated", "its translated instructions"), ("jited", "its JITed code"):
        code.add_argument(
            f"--{form}", dest="form", action="store_const", const=form, help=f"only {says}"
        )
    _add_json(verb)


def _add_watch(verbs: _Verbs) -> None:
    verb = _verb(
        verbs,
        "watch",
        "[--json] [--duration S] [--interval S]",
        "what changes, as it happens, one event a line",
        """\
Ends with ^C, or as soon as nobody reads it any more. What is there at the start is no event.

With --json each line is an object: time (seconds since the epoch), map_id, map_name, what (map,
state, status, refcnt, links or value), before and after, both text; before is "" for a map that
appeared, after is "" for one that is gone.""",
        """\
  stops-tui watch
  stops-tui watch --json --duration 60 > events.jsonl
""",
    )
    _add_json(verb)
    verb.add_argument("--duration", type=_duration, metavar="S", help="end after this many seconds")
    _add_interval(verb, default=argparse.SUPPRESS)


def _add_config(verbs: _Verbs) -> None:
    verb = _verb(
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
    _add_json(verb)


def _add_completion(verbs: _Verbs) -> None:
    verb = _verb(
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


def _verb(verbs: _Verbs, name: str, usage: str, says: str, more: str, examples: str) -> Parser:
    verb: Parser = verbs.add_parser(
        name,
        prog=f"stops-tui {name}",
        usage=f"stops-tui {name} {usage}",
        help=says,
        description=f"{says[0].upper()}{says[1:]}.\n\n{more}",
        epilog=f"examples:\n{examples}",
    )
    verb.set_defaults(parser=verb)
    return verb


def _add_selection(verb: Parser, *kinds: str) -> None:
    verb.add_argument("by", nargs="?", type=_one_of(kinds), choices=kinds, help="what to choose by")
    verb.add_argument("which", nargs="?", metavar="WHICH", help="the id or the name")


def _add_json(verb: Parser) -> None:
    verb.add_argument("--json", action="store_true", help="print JSON")


def _add_interval(parser: Parser, default: Any = None) -> None:
    parser.add_argument(
        "--interval", type=_interval, default=default, metavar="S", help="seconds between looks"
    )


def _selection(found: argparse.Namespace) -> tuple[str, int | str] | None:
    """("id", 58), ("name", "dctcp"), or None; anything else is told as an error."""
    parser: Parser = found.parser
    if found.by is None:
        if found.verb == "prog":
            parser.error("which one? Say id N or name X, as in: stops-tui prog id 25")
        return None
    if found.which is None:
        example = {"id": "58", "name": "dctcp", "type": "tcp_congestion_ops"}[found.by]
        parser.error(f"{found.by} of what? As in: {parser.prog} {found.by} {example}")
    if found.by != "id":
        return found.by, found.which
    if not (found.which.isascii() and found.which.isdigit()):
        parser.error(f"an id is a number, not {found.which!r}; for a name say: name {found.which}")
    return "id", int(found.which)


def _one_of(kinds: Sequence[str]) -> Callable[[str], str]:
    def kind(text: str) -> str:
        if text in kinds:
            return text
        raise argparse.ArgumentTypeError(f"say {' or '.join(kinds)} before {text!r}")

    return kind


def _interval(text: str) -> float:
    from stops_tui.config.settings import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _duration(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of seconds, as in 60, not {text!r}")
    return number
