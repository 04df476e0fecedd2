"""How long a registration lives, what holds it, how to undo it, and what bpftool calls that."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass

from stops_tui.struct_ops.registration.plan import InObject, Plan
from stops_tui.struct_ops.text import printable


@dataclass(frozen=True, slots=True)
class Lifetime:
    """What ends a registration.

    Attributes:
        kind: "plain map", "pinned link", "unpinned link" or "link that is there".
        words: What survives this program's end, in a sentence.
        safe: Whether it is what one expects: it ends when, and only when, somebody says so.
    """

    kind: str
    words: str
    safe: bool


def lifetime(plan: Plan) -> Lifetime:
    """How long what the plan registers will live."""
    if plan.replace_link:
        return Lifetime(
            "link that is there",
            f"the new map lives as long as link {plan.replace_link} does: nothing else holds it",
            safe=True,
        )
    if not plan.link:
        pin = (
            f"; the pin {printable(plan.pin)} keeps the map, not its registration"
            if plan.pin
            else ""
        )
        return Lifetime(
            "plain map",
            "a plain map outlives this program: it is registered until it is unregistered, or the "
            f"host restarts{pin}",
            safe=False,
        )
    if plan.pin:
        return Lifetime(
            "pinned link",
            f"the pin {printable(plan.pin)} keeps the link after this program: it is registered "
            "until the pin is removed, the link is detached, or the host restarts",
            safe=True,
        )
    return Lifetime(
        "unpinned link",
        "nothing but this program holds an unpinned link: it is unregistered when this program "
        "ends, also by a lost terminal (SIGHUP) or a kill; pin it to keep it",
        safe=False,
    )


def holding(plan: Plan) -> tuple[str, ...]:
    """What will hold the registration afterwards, each in words."""
    if plan.replace_link:
        return (f"link {plan.replace_link} and what holds that",)
    if not plan.link:
        return (
            "the kernel, by the registration itself",
            *([f"pin {printable(plan.pin)}"] if plan.pin else []),
        )
    return (f"pin {printable(plan.pin)}",) if plan.pin else ("this program, by an open link",)


def keeping(holders: int) -> str:
    """What those do who use a map that is unregistered or replaced."""
    if holders == 1:
        return "1 who uses it now keeps it until it ends"
    return f"{holders} who use it now keep it until they end"


def undoing(plan: Plan, map_id: int = 0, link_id: int = 0, replaced: int = 0) -> tuple[str, ...]:
    """The commands that undo it, the shortest first; with ids once they are known.

    Args:
        plan: What is registered.
        map_id: The new map; 0 before it is made.
        link_id: The new link; 0 before it is made.
        replaced: The map in whose place it is put; 0 for none.
    """
    map_ = f"id {map_id}" if map_id else f"name {plan.map_name}"
    if plan.replace_link:
        back = f"stops-tui swap link {plan.replace_link} map {replaced}"
        return (f"{back}, if anything else keeps that map",) if replaced else ()
    if plan.pin and plan.link:
        return (f"stops-tui unregister pinned {shlex.quote(plan.pin)}",)
    if plan.link:
        return (
            "u in this program, or its end",
            *([f"stops-tui unregister link {link_id}"] if link_id else []),
        )
    return (f"stops-tui unregister {map_}",)


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A shell command that does the same, or why there is none.

    Attributes:
        purpose: "look at it", "undo it".
        command: What to type, as a shell takes it; "" if nothing does. Escape it where it is shown.
        words: Why there is none, or what it does otherwise.
    """

    purpose: str
    command: str
    words: str = ""


def bpftool_equivalent(plan: Plan, map_id: int = 0, link_id: int = 0) -> tuple[Equivalent, ...]:
    """What to do it with instead, where that exists."""
    by = f"id {map_id}" if map_id else f"name {plan.map_name}"
    found = [
        Equivalent("mount", f"mount -t bpf bpf {shlex.quote(plan.mount)}") if plan.mount else None,
        _register_by_bpftool(plan),
        Equivalent("look at it", f"bpftool struct_ops dump {by}"),
        *_undo_by_bpftool(plan, map_id, link_id),
    ]
    return tuple(each for each in found if each)


def _register_by_bpftool(plan: Plan) -> Equivalent:
    files = {s.path if isinstance(s, InObject) else "" for s in plan.programs.values()}
    file = files.pop() if len(files) == 1 else ""
    if not file or plan.replace_link:
        words = (
            "bpftool registers a whole object file (bpftool struct_ops register OBJ), "
            "not programs that are loaded"
        )
        return Equivalent("register", "", words)
    folder = f" {shlex.quote(posixpath.dirname(plan.pin))}" if plan.link and plan.pin else ""
    return Equivalent(
        "register",
        f"bpftool struct_ops register {shlex.quote(file)}{folder}",
        "this registers all that the file has, as the file has it",
    )


def _undo_by_bpftool(plan: Plan, map_id: int, link_id: int) -> tuple[Equivalent, ...]:
    if plan.replace_link:
        return (Equivalent("undo it", "", "bpftool cannot put another map into a link"),)
    if plan.link and plan.pin:
        return (Equivalent("undo it", f"rm {shlex.quote(plan.pin)}"),)
    if plan.link:
        detach = f"bpftool link detach id {link_id}" if link_id else ""
        return (Equivalent("undo it", detach, "" if detach else "end this program"),)
    if map_id:
        return (Equivalent("undo it", f"bpftool struct_ops unregister id {map_id}"),)
    return (
        Equivalent(
            "undo it",
            f"bpftool struct_ops unregister name {plan.map_name}",
            "this unregisters every map of that name",
        ),
    )
