"""The man page and the completions, out of the command's own parser and registry of actions.

    python packaging/manual.py build/share

writes them as a system would have them: man/man1, bash-completion/completions,
zsh/site-functions, fish/vendor_completions.d.
"""

from __future__ import annotations

import sys
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stops_tui import __version__  # noqa: E402 (the package beside this file, installed or not)
from stops_tui.actions import ACTIONS, Action  # noqa: E402
from stops_tui.cli.parser import EXAMPLES, EXIT_STATUS, build_parser  # noqa: E402
from stops_tui.config.keys import key_text  # noqa: E402
from stops_tui.config.settings import COLUMNS, THEMES  # noqa: E402

COMPLETIONS = {
    "bash": "bash-completion/completions/stops-tui",
    "zsh": "zsh/site-functions/_stops-tui",
    "fish": "fish/vendor_completions.d/stops-tui.fish",
}

FILES = f"""\
.TP
.I $XDG_CONFIG_HOME/stops-tui/config.toml
The settings of who runs it, under sudo those of root, in TOML:
.BR theme ,
one of {", ".join(THEMES)};
.BR interval ,
seconds;
.BR columns ,
a list out of {", ".join(COLUMNS)};
and below
.B [keys]
a key, or a list of keys, for each action named in KEYS.
.TP
.I $XDG_STATE_HOME/stops-tui/audit.jsonl
Every call that was made to change the kernel, or that was refused, one JSON object a line.
"""

NOTES = """\
Read-only, no object of the kernel is changed, but looking leaves traces: to tell which map a TCP
socket belongs to,
.BR "stops\\-tui holders" ,
.B stops\\-tui list \\-\\-holders
and the panels of holders and sockets load BPF programs that read and are gone again (iterators, and
a map to count in), the panels every three seconds while they show a congestion control.
An audit log records them, and
.B bpftool prog
may list them for a moment.
No other look loads anything.
Where the kernel refuses them, sockets are told by the name of their congestion control.
"""

ENVIRONMENT = """\
.TP
.B TEXTUAL_THEME
The theme, over the one in the settings.
.TP
.B NO_COLOR
Nothing is coloured, if this is set.
.TP
.B STOPS_TUI_LIBBPF
The libbpf that loads object files, in place of the system's.
"""


def write(share: Path) -> dict[str, str]:
    """Write all of them below `share`; what was written → its place in a share folder."""
    pages = {"man/man1/stops-tui.1": man_page()}
    for shell, place in COMPLETIONS.items():
        pages[place] = shtab.complete(build_parser(), shell) + "\n"
    for place, text in pages.items():
        path = share / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {str(share / place): f"share/{place}" for place in pages}


def man_page() -> str:
    """stops-tui(1), in troff."""
    parser = build_parser()
    parser.epilog = None
    verbs = parser._subparsers._group_actions[0]  # argparse has no public way to them
    for verb in verbs._choices_actions:
        verb.help = None  # its description says it again
    page = Manpage(
        parser,
        {
            "project_name": "stops-tui",
            "version": __version__,
            "description": "terminal explorer for BPF struct_ops",
            "manual_title": "User Commands",
        },
        format="single-commands-section",
    )
    page.add_section("keys", "=", "\n".join(map(_key, ACTIONS)))
    page.add_section("files", "=", FILES)
    page.add_section("environment", "=", ENVIRONMENT)
    page.add_section("notes", "=", NOTES)
    page.add_section("exit status", "=", _lines(EXIT_STATUS))
    page.add_section("examples", "=", _lines(EXAMPLES))
    page.add_section(
        "see also", "=", ".BR bpf (2),\n.BR bpftool (8),\n.BR bpftool\\-struct_ops (8)"
    )
    return str(page)


def _key(action: Action) -> str:
    where = "" if action.where == "everywhere" else f" ({action.where})"
    key = _escaped(key_text(action, {}))
    return f".TP\n.B {key}\n{_escaped(action.help)}{where} [{action.id}]"


def _lines(text: str) -> str:
    return f".nf\n{_escaped(text.rstrip())}\n.fi"


def _escaped(text: str) -> str:
    """Text that troff prints as it is; a line may start with a dot or a quote."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" for line in escaped.split("\n"))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
