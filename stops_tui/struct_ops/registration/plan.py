"""What a person chose to register, before anything is checked or done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

EXAMPLE = "example:"
IN_OBJECT = "object:"


class PlanError(ValueError):
    """A plan that cannot be understood; says where and why in one line."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program that is in the kernel, by its id."""

    id: int

    def __str__(self) -> str:
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Pinned:
    """A program that is pinned at a path."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class Example:
    """A program of one of the built-in examples, which is loaded for this map."""

    name: str
    member: str

    def __str__(self) -> str:
        return f"{EXAMPLE}{self.name}/{self.member}"


@dataclass(frozen=True, slots=True)
class InObject:
    """A program of a BPF object file, which is loaded for this map.

    Attributes:
        path: The whole path of the file.
        program: The program's name in it: its function's.
    """

    path: str
    program: str

    def __str__(self) -> str:
        return f"{IN_OBJECT}{self.path}#{self.program}"


ProgramSource = Loaded | Pinned | Example | InObject
"""Where the program of a member comes from; as text as `parse_source` takes it."""


def parse_source(text: str) -> ProgramSource:
    """A program by its id, the absolute path of a pin, `example:NAME/MEMBER`, `object:PATH#NAME`.

    Raises:
        PlanError: It is none of these.
    """
    name, slash, member = text.removeprefix(EXAMPLE).partition("/")
    if text.startswith(EXAMPLE) and name and slash and member:
        return Example(name, member)
    path, _, program = text.removeprefix(IN_OBJECT).rpartition("#")
    if text.startswith(IN_OBJECT) and path.startswith("/") and program:
        return InObject(path, program)
    if text.startswith("/"):
        return Pinned(text)
    if text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 1 << 32:
        return Loaded(int(text))
    raise PlanError(
        f"{text!r} is no program: give its id, the path of a pin, {EXAMPLE}NAME/MEMBER or "
        f"{IN_OBJECT}/FILE#NAME"
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """One map to register, or to put into a link.

    Attributes:
        type_name: "tcp_congestion_ops".
        map_name: The map's name, at most 15 of A-Za-z0-9_. .
        programs: By function member.
        data: By data member: numbers, or text (also enumerators and `FLAG_A|FLAG_B` for numbers).
        link: Registered by a link (BPF_F_LINK), not by BPF_MAP_UPDATE_ELEM.
        pin: Where to pin what was made: the link; the map of a plain plan; "" for nowhere.
        replace_link: The link whose map this one replaces; 0 for a registration of its own.
        mount: The folder a bpffs is mounted on before anything else; "" for none. It stays.
    """

    type_name: str
    map_name: str
    programs: Mapping[str, ProgramSource] = field(default_factory=dict)
    data: Mapping[str, int | str] = field(default_factory=dict)
    link: bool = False
    pin: str = ""
    replace_link: int = 0
    mount: str = ""

    @property
    def needs_link_map(self) -> bool:
        """Whether its map is made with BPF_F_LINK."""
        return self.link or bool(self.replace_link)
