"""What every verb is made with: a parser of its own, and help with examples."""

from __future__ import annotations

import argparse
from typing import Any, Final, NoReturn

PATHS: Final = {
    "bash": "_shtab_compgen_files",
    "zsh": "_files",
    "fish": "(__fish_complete_path (commandline -ct))",
}
"""How shells complete a path: shtab.FILE, which is not imported for it."""

_LONGEST_ERROR: Final = 1 << 12  # characters; it may have an argument in it


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that says what to do."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to look, and exit 2."""
        for positional in ("by", "new", "VERB", "shell"):
            message = message.removeprefix(f"argument {positional}: ")
        from stops_tui.struct_ops.text import printable  # few are wrong

        message = printable(message, _LONGEST_ERROR)
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


Verbs = Any  # argparse has no public name for what add_subparsers() returns


def add_verb(verbs: Verbs, name: str, usage: str, says: str, more: str, examples: str) -> Parser:
    """A verb.

    Args:
        verbs: What `add_subparsers()` returned.
        name: The verb.
        usage: What may stand after it.
        says: What it does, in one line.
        more: What else there is to know.
        examples: Whole command lines, each indented by two.
    """
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


def add_json(verb: Parser) -> None:
    """--json."""
    verb.add_argument("--json", action="store_true", help="print JSON")
