"""The plan that a command line asks for: a file or an example, and what is set over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TypeVar

from stops_tui.exit_codes import NOT_FOUND, UNSUPPORTED, USAGE
from stops_tui.report.outcome import NOTHING_DONE, Unfulfilled
from stops_tui.struct_ops.examples import EXAMPLES, example_plan
from stops_tui.struct_ops.registration.encode import EncodeError, encode_member
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.form import form_fields, refused_members
from stops_tui.struct_ops.registration.member_checks import member_problem
from stops_tui.struct_ops.registration.naming import map_name_for
from stops_tui.struct_ops.registration.plan import (
    Example,
    InObject,
    Plan,
    PlanError,
    ProgramSource,
    parse_source,
)
from stops_tui.struct_ops.registration.sources import NoProgram, built_in, in_object, program_of
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import Member, StructOpsType

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Order:
    """What a command line says of a plan; None where it says nothing.

    Attributes:
        type_name: --type.
        map_name: --name.
        programs: --prog, (member, program as text) in the order given: the last one counts.
        data: --set, (member, value as text) likewise.
        example: --example.
        link: --link.
        pin: --pin.
        plan_file: --plan.
        object_file: --object.
        variables: --map, in the order given.
    """

    type_name: str | None = None
    map_name: str | None = None
    programs: tuple[tuple[str, str], ...] = ()
    data: tuple[tuple[str, str], ...] = ()
    example: str | None = None
    link: bool = False
    pin: str | None = None
    plan_file: str | None = None
    object_file: str | None = None
    variables: tuple[str, ...] = ()


def compose_all(order: Order, facts: RegistrationFacts) -> tuple[Plan, ...]:
    """The plans: one, or of an object file as many as there are maps asked for.

    Raises:
        Unfulfilled: The order cannot be understood, or names what is not there.
    """
    if order.object_file:
        from stops_tui.report.object_order import compose_of_object  # few read ELF files

        return compose_of_object(order, order.object_file, facts)
    if order.variables:
        raise wrong("--map names a variable of an object file: say --object FILE as well")
    return (_compose(order, facts),)


def compose_one(order: Order, facts: RegistrationFacts) -> Plan:
    """As `compose_all`, where only one map can be asked for."""
    first, *others = compose_all(order, facts)
    if others:
        raise wrong("only one map can take the place: say --map once")
    return first


def _compose(order: Order, facts: RegistrationFacts) -> Plan:
    """The plan, of members and programs that are there and values that they take.

    Raises:
        Unfulfilled: The order cannot be understood, or names what is not there.
    """
    plan = _begun(order, facts)
    type_ = of_type(plan.type_name, facts)
    plan = finished(order, plan, type_)
    for name, source in plan.programs.items():
        check_source(name, source, type_, facts)
    return plan


def finished(order: Order, plan: Plan, type_: StructOpsType) -> Plan:
    """A plan that was begun, with what is set over it."""
    file = order.plan_file and f"{order.plan_file}: "
    programs = _over(
        plan.programs, dict(order.programs), partial(_source, type_), file and f"{file}programs."
    )
    data = _over(plan.data, dict(order.data), partial(_value, type_), file and f"{file}data.")
    return replace(
        plan,
        map_name=order.map_name or plan.map_name or map_name_for(type_.name, data),
        programs=programs,
        data=data,
        link=order.link or plan.link,
        pin=order.pin or plan.pin,
    )


def _begun(order: Order, facts: RegistrationFacts) -> Plan:
    """What the rest is set over; without a name of its own where that comes of the data."""
    if order.example and order.plan_file:
        raise wrong("take --example or --plan, not both")
    if order.plan_file:
        plan = _read(order.plan_file)
    elif order.example:
        plan = replace(_example(order.example, facts), map_name="")
    elif order.type_name:
        plan = Plan(order.type_name, "")
    else:
        raise wrong(
            "which type? Say --type T, or take an --example NAME, a --plan FILE or an --object FILE"
        )
    if order.type_name not in (None, plan.type_name):
        origin = f"example {order.example}" if order.example else order.plan_file
        raise wrong(f"{origin} implements {plan.type_name}: leave --type out")
    return plan


def _read(file: str) -> Plan:
    from stops_tui.struct_ops.registration.plan_file import from_toml  # few need a TOML parser

    try:
        return from_toml(Path(file).read_text(encoding="utf-8"), file)
    except OSError as error:
        raise wrong(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise wrong(f"{file}: it is not text in UTF-8, at byte {error.start}") from error
    except PlanError as error:
        raise wrong(str(error)) from error


def _example(name: str, facts: RegistrationFacts) -> Plan:
    if name not in EXAMPLES:
        hint = nearest(name, EXAMPLES, f"there are {', '.join(EXAMPLES)}")
        raise Unfulfilled(f"there is no example {_quoted(name)}: {hint}", NOT_FOUND)
    try:
        return example_plan(name, facts.types)
    except PlanError as error:
        raise Unfulfilled(str(error), UNSUPPORTED) from error


def of_type(name: str, facts: RegistrationFacts) -> StructOpsType:
    """The type of this name; Unfulfilled where this kernel does not offer it."""
    type_ = facts.types.get(name)
    if type_ is None:
        hint = nearest(name, facts.types, f"it offers {', '.join(sorted(facts.types)) or 'none'}")
        raise Unfulfilled(f"this kernel does not offer {_quoted(name)}: {hint}", NOT_FOUND)
    return type_


def _over(
    begun: Mapping[str, object],
    given: Mapping[str, str],
    read: Callable[[str, str], Read],
    where: str | None,
) -> dict[str, Read]:
    """What was begun, in a file if it says where, and what is given over it; each as it is read."""
    found = {}
    for name, text in {**{name: str(value) for name, value in begun.items()}, **given}.items():
        try:
            found[name] = read(name, text)
        except Unfulfilled as error:
            if name in given or not where:
                raise
            raise Unfulfilled(f"{where}{name}: {error.words}", error.exit_code) from error
    return found


def _source(type_: StructOpsType, name: str, text: str) -> ProgramSource:
    if _member(name, type_).kind == "data":
        raise wrong(f"{name} is a data member, not a function: give it a value (--set)")
    if problem := member_problem(type_, name):
        raise wrong(problem)
    try:
        return parse_source(text)
    except PlanError as error:
        raise wrong(f"{name}: {error}") from error


def _value(type_: StructOpsType, name: str, text: str) -> str:
    if _member(name, type_).kind == "func":
        raise wrong(f"{name} is a function, not a data member: give it a program (--prog)")
    try:
        encode_member(type_, name, text, bytearray(type_.value_size))
    except EncodeError as error:
        refused = name in refused_members(type_)
        raise wrong(f"{error}{_settable(type_) if refused else ''}") from error
    return text


def _settable(type_: StructOpsType) -> str:
    names = ", ".join(field.member.name for field in form_fields(type_))
    return f"; set {names}" if names else ""


def _member(name: str, type_: StructOpsType) -> Member:
    found = next((member for member in type_.members if member.name == name), None)
    if found is None:
        names = [member.name for member in type_.members if member.name]
        hint = nearest(name, names, f"see stops-tui types {type_.name}")
        raise wrong(f"{type_.name} has no member {_quoted(name)} in this kernel: {hint}")
    return found


def check_source(
    name: str, source: ProgramSource, type_: StructOpsType, facts: RegistrationFacts
) -> None:
    """Programs that are not there are told here: they are no plan that a kernel could refuse."""
    try:
        if isinstance(source, Example):
            built_in(source, type_)
        elif isinstance(source, InObject):
            in_object(source, facts)
        else:
            program_of(source, facts)
    except NoProgram as error:
        raise Unfulfilled(f"{name}: {error}. {NOTHING_DONE}", NOT_FOUND) from error


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """The known name that is most like it, if one is; else what else helps."""
    near = get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]}?" if near else otherwise


def _quoted(name: str) -> str:
    return f'"{printable(name)}"'


def wrong(words: str) -> Unfulfilled:
    """What is to be raised of an order that cannot be understood."""
    return Unfulfilled(words, USAGE)
