"""A plan as a TOML file, to be kept, shared and registered again.

type = "tcp_congestion_ops"
name = "stops_reno"
link = true
pin = "/sys/fs/bpf/stops_reno"

[programs]
ssthresh = "example:reno/ssthresh"
cong_avoid = 484
undo_cwnd = "/sys/fs/bpf/undo"
init = "object:/home/me/cc.bpf.o#cc_init"

[data]
name = "stops_reno"
flags = 2
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

from stops_tui.struct_ops.registration.plan import (
    Loaded,
    Plan,
    PlanError,
    ProgramSource,
    parse_source,
)
from stops_tui.struct_ops.text import printable

_HEAD = "# A struct_ops registration: stops-tui register --plan FILE\n"
_TOML_MAX = (1 << 63) - 1
_MOST_BITS = 128
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_KEYS: Mapping[str, type] = {
    "type": str,
    "name": str,
    "link": bool,
    "pin": str,
    "replace_link": int,
    "mount": str,
    "programs": dict,
    "data": dict,
}
_NAMED = {str: "text", bool: "true or false", int: "a number", dict: "a table"}


def to_toml(plan: Plan) -> str:
    """The plan as the text of a file.

    Raises:
        PlanError: A text in it is no Unicode, which TOML cannot hold.
    """
    return "".join(f"{line}\n" for line in _lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield _HEAD.rstrip("\n")
    yield f"type = {_text(plan.type_name)}"
    yield f"name = {_text(plan.map_name)}"
    yield f"link = {'true' if plan.link else 'false'}"
    if plan.pin:
        yield f"pin = {_text(plan.pin)}"
    if plan.replace_link:
        yield f"replace_link = {plan.replace_link}"
    if plan.mount:
        yield f"mount = {_text(plan.mount)}"
    if plan.programs:
        yield from ("", "[programs]")
    for member, source in plan.programs.items():
        given = str(source.id) if isinstance(source, Loaded) else _text(str(source))
        yield f"{_key(member)} = {given}"
    if plan.data:
        yield from ("", "[data]")
    for member, content in plan.data.items():
        yield f"{_key(member)} = {_value(content)}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(content: int | str) -> str:
    """A number beyond 63 bits, which TOML need not know, is written as text: it is read alike."""
    if isinstance(content, str):
        return _text(content)
    number = int(content)
    return str(number) if -_TOML_MAX <= number <= _TOML_MAX else f'"{number}"'


def _text(text: str) -> str:
    shown = "".join(_character(char) for char in text)
    return f'"{shown}"'


def _character(char: str) -> str:
    if 0xD800 <= ord(char) <= 0xDFFF:
        raise PlanError("a plan file cannot hold text that is no Unicode")
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def from_toml(text: str, file: str = "the plan") -> Plan:
    """The plan in a file's text.

    Args:
        text: All of it.
        file: What errors call it.

    Raises:
        PlanError: "FILE, line 7: programs.undo_cwnd: … is no program: …".
    """
    where = _Where(text, file)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{printable(file)}: {printable(str(error))}") from error
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{printable(file)}: too long a number, or too deep") from error
    for key, value in found.items():
        if key not in _KEYS:
            raise where.error((key,), f"there is no such key: a plan has {', '.join(_KEYS)}")
        if type(value) is not _KEYS[key]:
            raise where.error((key,), f"it is to be {_NAMED[_KEYS[key]]}")
    for key in ("type", "name"):
        if not found.get(key):
            raise where.error((), f"the key {key} is missing")
    if not 0 <= found.get("replace_link", 0) < 1 << 32:
        raise where.error(("replace_link",), "it is to be the id of a link")
    return Plan(
        type_name=found["type"],
        map_name=found["name"],
        programs=_programs(found.get("programs", {}), where),
        data=_data(found.get("data", {}), where),
        link=found.get("link", False),
        pin=found.get("pin", ""),
        replace_link=found.get("replace_link", 0),
        mount=found.get("mount", ""),
    )


def _programs(table: Mapping[str, object], where: _Where) -> dict[str, ProgramSource]:
    programs = {}
    for member, content in table.items():
        if type(content) not in (int, str) or _is_endless(content):
            raise where.error(("programs", member), "it is to be a program's id or text")
        try:
            programs[member] = parse_source(str(content))
        except PlanError as error:
            raise where.error(("programs", member), str(error)) from error
    return programs


def _data(table: Mapping[str, object], where: _Where) -> dict[str, int | str]:
    data: dict[str, int | str] = {}
    for member, content in table.items():
        if isinstance(content, bool):
            data[member] = int(content)
        elif isinstance(content, int | str) and not _is_endless(content):
            data[member] = content
        else:
            raise where.error(("data", member), "it is to be a number, text, true or false")
    return data


def _is_endless(content: object) -> bool:
    """A number beyond all members; TOML sets no bounds, Python does where it becomes text."""
    return isinstance(content, int) and content.bit_length() > _MOST_BITS


class _Where:
    """Where in a file a key is, as far as a line that starts with it tells."""

    def __init__(self, text: str, file: str) -> None:
        self._lines = text.splitlines()
        self._file = file

    def error(self, path: tuple[str, ...], reason: str) -> PlanError:
        line = self._line(path)
        place = f"{self._file}, line {line}" if line else self._file
        key = f" {printable('.'.join(path))}:" if path else ""
        return PlanError(f"{printable(place)}:{key} {reason}")

    def _line(self, path: tuple[str, ...]) -> int:
        """The number of the line; 0 if none is found."""
        table: tuple[str, ...] = ()
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[\s*([A-Za-z0-9_-]+)\s*\]", line)
            if header:
                table = (header[1],)
                if table == path:
                    return number
                continue
            key = re.match(r"\s*[\"']?([^\"'=\s]+)[\"']?\s*=", line)
            if key and (*table, *key[1].split(".")) == path:
                return number
        return 0
