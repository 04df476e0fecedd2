"""The verbs that change the kernel, and `examples`, which they register."""

from __future__ import annotations

import argparse
from typing import Final

from stops_tui.cli.base import PATHS, Parser, Verbs, add_json, add_verb
from stops_tui.cli.selection import add_selection, number, one_of

CHANGING: Final = ("register", "unregister", "swap")
"""The verbs that ask for a change of the kernel."""

PLAN = (
    "[--type T] [--name MAPNAME] [--prog MEMBER=PROGRAM]... [--set FIELD=VALUE]... "
    "[--example NAME] [--object FILE [--map VAR]...] [--link] [--pin PATH] [--plan FILE] "
    "[--dry-run] [--json]"
)


def add_writing_verbs(verbs: Verbs) -> None:
    """register, unregister, swap, examples."""
    _add_register(verbs)
    _add_unregister(verbs)
    _add_swap(verbs)
    _add_examples(verbs)


def _add_register(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "register",
        PLAN,
        "make a struct_ops map of programs that are loaded, of a built-in example, or of an object",
        """\
Checks the plan, makes the map, gives it to the kernel, and tells what is there then. If a step
fails, those before it are undone. --example fills all members and --plan what it was saved with;
--prog and --set go over both. The map is named after its name in the subsystem, or after its
variable in an object, if not by --name.

--object takes a BPF object file (.bpf.o), whose programs libbpf loads: the struct_ops variable that
it has, or those that --map names (stops-tui object FILE lists them). --prog may name a program of
the file. Of several maps, which share the file's other maps, --prog and --set say VAR.MEMBER=...,
and --pin names a folder; all are registered or none, and with --json there is a list maps, too.
A refused program is told by its line of C first. STOPS_TUI_LIBBPF=FILE chooses another libbpf.

A plain map stays registered until it is unregistered. With --link it is registered by a link,
which lives as long as its pin: without --pin it would end with this command, so that is refused.

With --dry-run, the kernel validates the map where it has links (6.4), and nothing is registered.
With --json, an object: ok, map_id, link_id, state, status, steps (each call, subject, detail, ok,
errno, message, log, refusal), checks, words, left (what stays in the kernel because of it); also
when it fails.""",
        """\
  stops-tui register --example reno
  stops-tui register --example reno --set name=lab --prog ssthresh=484 --dry-run
  stops-tui register --type tcp_congestion_ops --set name=lab --prog ssthresh=484 \\
      --prog undo_cwnd=/sys/fs/bpf/undo --prog cong_avoid=example:reno/cong_avoid
  stops-tui register --object cc.bpf.o --map dctcp --set name=lab --prog ssthresh=other_ssthresh
  stops-tui register --plan lab.toml --link --pin /sys/fs/bpf/lab --json
""",
    )
    _add_plan(verb)


def _add_unregister(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "unregister",
        "(id N | name X | link N | pinned PATH) [--yes] [--json]",
        "end the registration of a map: delete it, or detach its links and remove their pins",
        """\
Of a map that links register, all its links are detached and their pins removed. A path may be the
pin of a map or of a link. What is in use lives on until its last user ends.

Asks before it does anything, and does nothing without a terminal to ask on, but for --yes.
A name is the map's, or that of its congestion control, scheduler or qdisc; one that several maps
have is exit 2, and tells their ids.""",
        """\
  stops-tui unregister id 58
  stops-tui unregister name stops_reno --yes
  stops-tui unregister pinned /sys/fs/bpf/lab --yes --json
""",
    )
    add_selection(verb, "id", "name", "link", "pinned")
    _add_yes(verb)
    add_json(verb)


def _add_swap(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "swap",
        "link N (map M | the options of register) [--yes] [--json]",
        "put another map into a link, in place of the one it holds",
        """\
The map must be READY, of the same type and of the same name in its subsystem; what is in use keeps
the map before it. With the options of register the map is made first, and nothing is left of it if
it cannot take the place. Only tcp_congestion_ops can do that; others are unregistered first.

Asks before it does anything, and does nothing without a terminal to ask on, but for --yes.""",
        """\
  stops-tui swap link 22 map 61
  stops-tui swap link 22 --example constant --set name=lab --yes --json
""",
    )
    add_selection(verb, "link")
    verb.add_argument(
        "new", nargs="?", type=one_of(("map",)), choices=("map",), help="a map that is there"
    )
    verb.add_argument("map", nargs="?", metavar="M", help="its id")
    _add_plan(verb)
    _add_yes(verb)


def _add_examples(verbs: Verbs) -> None:
    verb = add_verb(
        verbs,
        "examples",
        "[--json]",
        "the built-in examples that register can load",
        """\
Each is assembled for this kernel as it is loaded; it needs no compiler, no libbpf and no file. A
single program of one is called example:NAME/MEMBER.""",
        """\
  stops-tui examples
  stops-tui register --example reno
""",
    )
    add_json(verb)


def _add_plan(verb: Parser) -> None:
    """What a plan is made of: `stops_tui.report.order.Order` holds it."""
    _add_text(verb, "--type", "T", "the struct_ops type it implements", "type_name")
    _add_text(verb, "--name", "MAPNAME", "the map's name", "map_name")
    _add_assignments(
        verb,
        "--prog",
        "MEMBER=PROGRAM",
        "the program of a function member: its id, the path it is pinned at, "
        "example:NAME/MEMBER, object:FILE#NAME, or its name in --object",
        "programs",
    )
    _add_assignments(
        verb,
        "--set",
        "FIELD=VALUE",
        "the value of a data member: text, a number, or names of flags joined by |",
        "data",
    )
    _add_text(verb, "--example", "NAME", "all members as this built-in example has them")
    _add_text(verb, "--object", "FILE", "all as this BPF object has it", "object_file", path=True)
    verb.add_argument(
        "--map",
        dest="variables",
        action="append",
        default=[],
        type=_text,
        metavar="VAR",
        help="a struct_ops variable of the object; may be given again",
    )
    verb.add_argument("--link", action="store_true", help="register it by a link")
    _add_text(verb, "--pin", "PATH", "pin the link there; without --link, the map", path=True)
    _add_text(verb, "--plan", "FILE", "all as this file (TOML) has it", "plan_file", path=True)
    verb.add_argument("--dry-run", action="store_true", help="try it, and register nothing")
    add_json(verb)


def _add_text(
    verb: Parser,
    option: str,
    metavar: str,
    says: str,
    dest: str | None = None,
    *,
    path: bool = False,
) -> None:
    """An option with a text that is not empty; None where it is not given."""
    dest = dest or option.removeprefix("--")
    added = verb.add_argument(option, dest=dest, type=_text, metavar=metavar, help=says)
    if path:
        added.complete = PATHS  # type: ignore[attr-defined]  # where shtab looks for it


def _add_assignments(verb: Parser, option: str, metavar: str, says: str, dest: str) -> None:
    """An option that may be given several times: (name, value) of each, in their order."""
    verb.add_argument(
        option,
        dest=dest,
        default=[],
        action="append",
        type=_assignment,
        metavar=metavar,
        help=says,
    )


def _text(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"say which member it is for, as in name={text}")
    return name, value


def _add_yes(verb: Parser) -> None:
    verb.add_argument("--yes", action="store_true", help="do it without asking")


def check_swap(found: argparse.Namespace) -> None:
    """What the parser cannot say: a map, or what a map is made of; `map_id` is its id, or 0."""
    parser: Parser = found.parser
    made = [found.type_name, found.map_name, found.programs, found.data, found.example]
    made += [found.link, found.pin, found.plan_file, found.object_file, found.variables]
    if found.new is None and not any(made):
        parser.error(
            "which map? Say map M, or what it is made of, as in: "
            "stops-tui swap link 22 --example reno"
        )
    if found.new and any(made):
        parser.error("a map that is there is taken as it is: leave the other options out")
    if found.new and found.map is None:
        parser.error("map of what? As in: stops-tui swap link 22 map 61")
    found.map_id = number(parser, "map", found.map) if found.new else 0
