"""Which programs fit a member, best first, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stops_tui.btf import BtfError, Func, FuncProto
from stops_tui.btf.c import type_text
from stops_tui.struct_ops.examples import EXAMPLES, unavailable
from stops_tui.struct_ops.inventory import Program
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import (
    Example,
    InObject,
    Loaded,
    Pinned,
    ProgramSource,
)
from stops_tui.struct_ops.registration.sources import attaches_to, known_services, struct_of
from stops_tui.struct_ops.types import Member, StructOpsType

if TYPE_CHECKING:
    from stops_tui.bpf.object_file import ObjectFile

Fit = Literal["exact", "guess", "no"]

_FITS: tuple[Fit, ...] = ("exact", "guess", "no")


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a program fits a member.

    Attributes:
        fit: "exact" is known; "guess" is for the kernel to say; "no" would be refused.
        why: Why it fits, "serves ssthresh in map 58 dctcp"; "" if it does not.
        reason: Why it does not fit; "" if it does.
        weight: How much speaks for it among those of the same fit; the more the better.
    """

    fit: Fit
    why: str = ""
    reason: str = ""
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program for a member.

    Attributes:
        source: The program, as a plan names it.
        name: Its function's name, as it is: escape it where it is shown.
        why: As in `Judgement`.
        fit: As in `Judgement`.
        reason: As in `Judgement`.
        prog_id: Its id; 0 for an example's or an object file's, which is not loaded yet.
    """

    source: ProgramSource
    name: str
    why: str
    fit: Fit
    reason: str = ""
    prog_id: int = 0


def candidates(
    facts: RegistrationFacts, type_: StructOpsType, member: str
) -> tuple[Candidate, ...]:
    """Every program there is for a member: those that fit best first, then those that do not.

    A pinned program is there twice, by its id and by its path. Examples come after the programs
    that are known to fit as well as they do.
    """
    found = [(_rank(judgement), candidate) for candidate, judgement in _all(facts, type_, member)]
    return tuple(candidate for _, candidate in sorted(found, key=lambda pair: pair[0]))


def fit_of(
    program: Program, type_: StructOpsType, member: str, facts: RegistrationFacts
) -> Judgement:
    """Whether a loaded program fits a member of a type.

    The kernel does not tell which member a program was made for (its `expected_attach_type`): it
    shows where the program serves already; else only its name and prototype hint at it.
    """
    if not attaches_to(program, type_):
        return Judgement("no", reason=f"implements a member of {struct_of(program, facts)}")
    served = known_services(program.id, facts)
    if served:
        here = next((each for each in served if each.member == member), None)
        if here is None:
            return Judgement("no", reason=str(served[0]))
        return Judgement("exact", why=str(here))
    suggested = named_after(program.name, type_)
    hints = [f"its name suggests {suggested}"] if suggested else []
    weight = 2 * (suggested == member) - 2 * (suggested not in ("", member))
    if _prototype_is(program, type_, member, facts):
        hints.append("its prototype is the member's")
        weight += 1
    why = " and ".join(hints) or "its member is not known"
    return Judgement("guess", f"made for {type_.name}; {why}", weight=weight)


def named_after(function: str, type_: StructOpsType) -> str:
    """The function member that a name suggests, by its words; "" if none.

    The member with the most words wins: `x_cwnd_event_tx_start` is not for `cwnd_event`.
    """
    words = set(_words(function))
    fitting = [
        member.name
        for member in type_.members
        if member.kind == "func" and member.name and words.issuperset(_words(member.name))
    ]
    return max(fitting, key=lambda name: (len(_words(name)), len(name)), default="")


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def _all(
    facts: RegistrationFacts, type_: StructOpsType, member: str
) -> list[tuple[Candidate, Judgement]]:
    found = []
    pins = {pin.id: pin.path for pin in reversed(facts.holders.pins) if pin.kind == "prog"}
    for program in facts.programs.values():
        judgement = fit_of(program, type_, member, facts)
        found.append(_candidate(Loaded(program.id), program, judgement))
        if program.id in pins:
            found.append(_candidate(Pinned(pins[program.id]), program, judgement))
    return found + _of_objects(facts, type_, member) + _of_examples(type_, member)


def _candidate(
    source: ProgramSource, program: Program, judgement: Judgement
) -> tuple[Candidate, Judgement]:
    return (
        Candidate(source, program.name, judgement.why, judgement.fit, judgement.reason, program.id),
        judgement,
    )


def _of_objects(
    facts: RegistrationFacts, type_: StructOpsType, member: str
) -> list[tuple[Candidate, Judgement]]:
    """The struct_ops programs of the object files that were opened."""
    return [
        (
            Candidate(
                InObject(file.path, program.name),
                program.name,
                judgement.why,
                judgement.fit,
                judgement.reason,
            ),
            judgement,
        )
        for file in facts.objects.files
        for program in file.programs
        if program.attach == "struct_ops"
        for judgement in [_fit_in_object(file, program.name, type_, member)]
    ]


def _fit_in_object(file: ObjectFile, program: str, type_: StructOpsType, member: str) -> Judgement:
    """Whether a program of an object file fits: by what it serves there, else by its name."""
    serves = {
        (each.type_name, served): each.variable
        for each in file.struct_ops
        for served, name in each.programs.items()
        if name == program
    }
    if (type_.name, member) in serves:
        why = f"{member} of {serves[type_.name, member]} in the object file"
        return Judgement("exact", why=why, weight=1)
    here = [served for of, served in serves if of == type_.name]
    if serves and not here:
        return Judgement("no", reason=f"implements a member of {next(iter(serves))[0]}")
    suggested = named_after(program, type_)
    weight = 2 * (suggested == member) - 2 * bool(here or suggested not in ("", member))
    why = f"the object file has it for {here[0]}" if here else "in no member in the object file"
    return Judgement("guess", why, weight=weight)


def _of_examples(type_: StructOpsType, member: str) -> list[tuple[Candidate, Judgement]]:
    found = []
    for example in EXAMPLES.values():
        if example.type_name == type_.name and not unavailable(example, {type_.name: type_}):
            for served in example.programs:
                judgement = (
                    Judgement("exact", why=f"built in: {example.summary}", weight=-1)
                    if served == member
                    else Judgement("no", reason=f"implements {served}")
                )
                candidate = Candidate(
                    Example(example.name, served),
                    example.program_name(served),
                    judgement.why,
                    judgement.fit,
                    judgement.reason,
                )
                found.append((candidate, judgement))
    return found


def _rank(judgement: Judgement) -> tuple[int, int]:
    return _FITS.index(judgement.fit), -judgement.weight


def _prototype_is(
    program: Program, type_: StructOpsType, member: str, facts: RegistrationFacts
) -> bool:
    """Whether its function takes and returns what the member does; BPF_PROG() hides that."""
    wanted = next((each for each in type_.members if each.name == member), None)
    raw = program.raw
    try:
        btf = facts.kernel.btf(raw.btf_id) if raw.btf_id and raw.func_type_id else None
        func = btf.type(raw.func_type_id) if btf else None
        proto = btf.resolve(func.type_id) if btf and isinstance(func, Func) else None
        if btf is None or wanted is None or not isinstance(proto, FuncProto):
            return False
        own = [type_text(btf, id_) for id_ in (proto.return_type_id, *_types(proto))]
        return own == _member_types(type_, wanted)
    except BtfError:
        return False


def _member_types(type_: StructOpsType, member: Member) -> list[str]:
    proto = type_.btf.func_proto(member.type_id)
    if proto is None:
        return []
    return [type_text(type_.btf, id_) for id_ in (proto.return_type_id, *_types(proto))]


def _types(proto: FuncProto) -> list[int]:
    return [param.type_id for param in proto.params]
