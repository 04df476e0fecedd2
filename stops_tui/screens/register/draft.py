"""What a person has chosen so far, and the facts it is chosen by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stops_tui.struct_ops.examples import example_plan
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.struct_ops.members import name_in_subsystem
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.form import FormField, form_fields
from stops_tui.struct_ops.registration.naming import map_name_for
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import Loaded, Plan, ProgramSource
from stops_tui.struct_ops.scalars import bitfield
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.types import Member, StructOpsType

NOTHING = Plan("", "")


@dataclass
class Draft:
    """A plan that grows step by step; nothing in it has to be right before the review.

    Attributes:
        facts: What the kernel offers, runs and holds.
        unfinished: The plan that was left the last time.
        done: It was registered: nothing of it is to be kept.
        plan: The choices. A map's name of "" is one that follows the data (see `complete`).
        variable: The struct_ops variable of an object file that it is made of; "" if of none.
        lost: What that sets and a plan cannot; each until it is set otherwise, or left out.
        first: The choices at first.
    """

    facts: RegistrationFacts
    plan: Plan = NOTHING
    unfinished: Plan | None = None
    done: bool = False
    variable: str = ""
    lost: tuple[Check, ...] = ()
    first: Plan = field(init=False)
    _set_aside: dict[str, Plan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first = self.plan

    @property
    def type(self) -> StructOpsType | None:
        """The chosen type; None before one is chosen, or where this kernel has it not."""
        return self.facts.types.get(self.plan.type_name)

    @property
    def complete(self) -> Plan:
        """The plan with a name for the map."""
        return replace(self.plan, map_name=self.plan.map_name or self.default_map_name)

    @property
    def default_map_name(self) -> str:
        """The map's name where none was given."""
        return map_name_for(self.plan.type_name, self.plan.data)

    def choose_type(self, name: str) -> None:
        """Compose one of this type; what was chosen for another is kept until then."""
        if name != self.plan.type_name:
            self._set_aside[self.plan.type_name] = self.plan
            self.plan = self._set_aside.get(name, Plan(name, "", link=not _plain(name)))

    def choose_example(self, name: str) -> None:
        """Everything as an example has it."""
        plan = example_plan(name, self.facts.types)
        self.plan = replace(plan, map_name="", link=not _plain(plan.type_name))

    @property
    def left(self) -> Plan | None:
        """The plan to go on with another time."""
        if self.done:
            return None
        return self.plan if self.plan.type_name else self.unfinished

    def choose_unfinished(self) -> None:
        """Everything as it was left the last time."""
        self.plan = self.unfinished or self.plan

    def choose_map(self, map_: StructOpsMap) -> None:
        """Everything as a map has it, to make another one like it."""
        if map_.type:
            self.plan = Plan(
                map_.type_name,
                "",
                {m.member.name: Loaded(m.prog_id) for m in map_.members if m.prog_id},
                dict(_data_of(map_, map_.type)),
                link=not _plain(map_.type_name),
            )

    def change(self, **choices: Any) -> None:
        """Take other choices, by the names of a plan's attributes."""
        self.plan = replace(self.plan, **choices)

    def set_program(self, member: str, source: ProgramSource | None) -> None:
        """Choose the program of a member, or leave it empty."""
        self.change(programs=_with(self.plan.programs, member, source))
        self.leave_out(member)

    def set_data(self, member: str, content: int | str) -> None:
        """Choose the value of a data member; "" leaves it zero."""
        self.change(data=_with(self.plan.data, member, None if content == "" else content))
        self.leave_out(member)

    def leave_out(self, member: str) -> None:
        """What the object sets this member to is not wanted any more."""
        self.lost = tuple(check for check in self.lost if check.member != member)

    @property
    def functions(self) -> list[Member]:
        """The members that may have a program, mandatory ones first."""
        takes = of_type(self.plan.type_name).registering.takes_program
        found = [
            member
            for member in (self.type.members if self.type else ())
            if member.kind == "func" and takes(member.name)
        ]
        return sorted(found, key=lambda member: not member.mandatory)

    @property
    def fields(self) -> Sequence[FormField]:
        """The data members that may be set, mandatory ones first."""
        found = form_fields(self.type) if self.type else ()
        return sorted(found, key=lambda field: not field.required)

    @property
    def namesake(self) -> int:
        """The map that the subsystem knows by the plan's name; 0 if there is none."""
        wanted = str(self.plan.data.get(of_type(self.plan.type_name).registering.name, ""))
        registered = (
            map_
            for map_ in self.facts.snapshot.maps.values()
            if map_.type and map_.type_name == self.plan.type_name
            if map_.links or map_.state == "INUSE"
        )
        return next(
            (
                map_.id
                for map_ in registered
                if wanted and map_.type and name_in_subsystem(map_.type, map_.raw.value) == wanted
            ),
            0,
        )

    def missing(self, kind: str) -> list[Member]:
        """The mandatory members of one kind that are not set yet, nor what may stand for them."""
        given = {*self.plan.programs, *self.plan.data}
        return [
            member
            for member in (self.type.members if self.type else ())
            if member.kind == kind
            and member.mandatory
            and member.name not in given
            and member.instead not in given
        ]


def _plain(type_name: str) -> bool:
    return of_type(type_name).registering.plain


def _with(before: Mapping[str, Any], key: str, content: Any | None) -> dict[str, Any]:
    """The mapping with one more, another or one fewer; the order of the rest stays."""
    after = {**before, key: content}
    return {name: each for name, each in after.items() if each is not None}


def _data_of(map_: StructOpsMap, type_: StructOpsType) -> list[tuple[str, int | str]]:
    """The data members of a map that are not zero, as a plan writes them."""
    found: list[tuple[str, int | str]] = []
    for each in form_fields(type_):
        number = bitfield(type_.btf, map_.raw.value, each.place, each.bits, each.minimum < 0)
        first = each.place // 8
        text = map_.raw.value[first : first + each.length].split(b"\0", 1)[0]
        content = text.decode(errors="surrogateescape") if each.kind == "string" else number
        if content:
            found.append((each.member.name, content))
    return found
