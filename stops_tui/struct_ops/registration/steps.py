"""The calls that a plan comes to, in order."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from stops_tui.kernels.writes import Handle, NewMap, NewObject, NewProgram
from stops_tui.struct_ops.examples.example import Missing
from stops_tui.struct_ops.registration.actions import Action, NotThere, Work
from stops_tui.struct_ops.registration.encode import EncodeError, encode
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.objects import Unusable, placed, wanted_of
from stops_tui.struct_ops.registration.outcome import READ_BACK, Step
from stops_tui.struct_ops.registration.plan import Example, InObject, Loaded, Pinned, Plan
from stops_tui.struct_ops.registration.readback import read_back, read_back_ready
from stops_tui.struct_ops.registration.sources import NoProgram, built_in, describe, prog_id_of
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import Member, StructOpsType


def steps(plan: Plan, facts: RegistrationFacts) -> tuple[Step, ...]:
    """The calls to come; empty where the kernel does not offer the type."""
    return steps_together((plan,), facts)


def steps_together(plans: Sequence[Plan], facts: RegistrationFacts) -> tuple[Step, ...]:
    """As `steps`, of several plans that are done at once."""
    return tuple(
        action.step
        for number, plan in enumerate(plans)
        for action in actions(plan, facts, () if number else plans)
    )


def dry_steps(plan: Plan, facts: RegistrationFacts) -> tuple[Step, ...]:
    """The calls of a dry run; empty where only the checks can be run."""
    return dry_steps_together((plan,), facts)


def dry_steps_together(plans: Sequence[Plan], facts: RegistrationFacts) -> tuple[Step, ...]:
    """As `dry_steps`, of several plans that are done at once."""
    tried = [plan for plan in plans if can_dry_run(plan, facts)]
    return tuple(
        action.step
        for number, plan in enumerate(tried)
        for action in dry_actions(plan, facts, () if number else tried)
    )


def actions(plan: Plan, facts: RegistrationFacts, loads: Sequence[Plan]) -> tuple[Action, ...]:
    """The calls to come, ready to be made.

    Args:
        plan: What is registered.
        facts: What it is registered by.
        loads: The plans whose object files are loaded on the way: this one, and those that come
            after it; none where one before it loaded them.
    """
    type_ = facts.types.get(plan.type_name)
    if type_ is None:
        return ()
    return (
        *([_mount(plan.mount)] if plan.mount else []),
        *_objects(loads, facts),
        *_programs(plan, type_, facts),
        *_map(plan, type_, facts),
        *_link(plan, facts),
        *([_pin(plan)] if plan.pin else []),
        _read_back(plan, type_, facts),
    )


def can_dry_run(plan: Plan, facts: RegistrationFacts) -> bool:
    """Whether the kernel itself can look at the value without registering it."""
    return facts.links_supported and of_type(plan.type_name).registering.link


def dry_actions(plan: Plan, facts: RegistrationFacts, loads: Sequence[Plan]) -> tuple[Action, ...]:
    """The calls that let the kernel validate a scratch link map, which is then dropped."""
    type_ = facts.types.get(plan.type_name)
    if type_ is None or not can_dry_run(plan, facts):
        return ()
    scratch = replace(plan, link=True, pin="", mount="", replace_link=0)
    ready = Step(READ_BACK, printable(plan.map_name), "the map's state: READY; then it is dropped")
    return (
        *_objects(loads, facts),
        *_programs(scratch, type_, facts),
        *_map(scratch, type_, facts),
        Action(ready, lambda work: read_back_ready(scratch, facts, work)),
    )


def kernel_btf_id(type_: StructOpsType) -> int:
    """The BTF object its ids belong to, as calls take it: 0 for vmlinux."""
    return 0 if type_.btf_name == "vmlinux" else type_.btf_id


def _mount(path: str) -> Action:
    def mount(work: Work) -> str:
        work.writes.mount_bpffs(path)
        return ""

    return Action(
        Step("mount", printable(path), "a bpffs; it stays after this program's end"), mount
    )


def _objects(plans: Sequence[Plan], facts: RegistrationFacts) -> Iterator[Action]:
    for path, wanted in wanted_of(plans).items():
        names = ", ".join(dict.fromkeys(printable(each.program) for each in wanted))
        step = Step("bpf_object__load", printable(posixpath.basename(path)), names)
        try:
            file = facts.objects.at(path)
            new = NewObject(path, file.data, placed(file, wanted))
        except Unusable as error:
            yield _impossible(step, str(error))
        else:
            yield Action(step, partial(_load_object, new))


def _load_object(new: NewObject, work: Work) -> str:
    loaded = work.objects[new.path] = work.writes.load_object(new)
    ids = [str(program.id) for program in loaded.programs.values()]
    made = f"program{'s' * (len(ids) > 1)} {', '.join(ids)}"
    return "; ".join([made, *map(printable, loaded.messages)])


def _programs(plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> Iterator[Action]:
    for member in type_.members:
        match plan.programs.get(member.name):
            case None:
                continue
            case Example() as source:
                yield _load(source, member, type_)
            case Loaded() as source:
                yield _open_by_id(source, member, facts)
            case Pinned() as source:
                yield _open_pin(source, member, facts)
            case InObject():
                continue  # loaded with the others of its file


def _load(source: Example, member: Member, type_: StructOpsType) -> Action:
    text = printable(str(source))
    try:
        example = built_in(source, type_)
        insns = example.programs[source.member](type_.btf)
        name = example.program_name(source.member)
        detail = f"struct_ops, member {member.index}, {len(insns)} instructions"
    except (NoProgram, Missing) as error:
        return _impossible(Step("BPF_PROG_LOAD", member.name, text), str(error))
    new = NewProgram(name, insns, type_.type_id, member.index, kernel_btf_id(type_))

    def load(work: Work) -> str:
        program = work.programs[member.name] = work.writes.load_program(new)
        return f"program {program.id}"

    return Action(Step("BPF_PROG_LOAD", member.name, detail), load)


def _open_by_id(source: Loaded, member: Member, facts: RegistrationFacts) -> Action:
    def open_(work: Work) -> str:
        work.programs[member.name] = work.writes.open_program(source.id)
        return f"program {source.id}"

    detail = f"program {describe(source, facts)}"
    return Action(Step("BPF_PROG_GET_FD_BY_ID", member.name, detail), open_)


def _open_pin(source: Pinned, member: Member, facts: RegistrationFacts) -> Action:
    path = printable(source.path)
    step = Step("BPF_OBJ_GET", member.name, f"the program pinned at {path}")
    try:
        expected = prog_id_of(source, facts)
    except NoProgram as error:
        return _impossible(step, str(error))

    def open_(work: Work) -> str:
        handle = work.writes.open_pin(source.path)
        if (handle.kind, handle.id) != ("prog", expected):
            handle.close()
            raise NotThere(
                f"{path} is a pin of {handle.kind} {handle.id} now, it was of program "
                f"{expected} when it was chosen"
            )
        work.programs[member.name] = handle
        return f"program {handle.id}"

    return Action(step, open_)


def _impossible(step: Step, reason: str) -> Action:
    def fail(work: Work) -> str:
        raise NotThere(reason)

    return Action(step, fail)


def _map(plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> Iterator[Action]:
    link = plan.needs_link_map
    new = NewMap(plan.map_name, type_.value_type_id, type_.value_size, link, kernel_btf_id(type_))
    flags = ", BPF_F_LINK" if link else ""
    does = "the kernel validates it: READY" if link else "registers it with the kernel"
    yield Action(Step("BPF_BTF_LOAD", "", "one INT: MAP_CREATE wants a user's BTF"), _load_btf)
    yield Action(
        Step(
            "BPF_MAP_CREATE",
            printable(plan.map_name),
            f"struct_ops, value {new.value_size} B{flags}",
        ),
        lambda work: _create_map(new, work),
    )
    yield Action(
        Step("BPF_MAP_UPDATE_ELEM", "key 0", does),
        lambda work: _update_map(plan, type_, work),
        None if link else Action(Step("BPF_MAP_DELETE_ELEM", "key 0", "undo: unregister"), _delete),
    )


def _load_btf(work: Work) -> str:
    work.btf = work.writes.load_btf()
    return ""


def _create_map(new: NewMap, work: Work) -> str:
    if work.btf is None:
        raise NotThere("there is no BTF to make the map with")
    work.map = work.writes.create_map(new, work.btf)
    return f"map {work.map.id}"


def _update_map(plan: Plan, type_: StructOpsType, work: Work) -> str:
    try:
        value = encode(type_, plan.data)
    except EncodeError as error:
        raise NotThere(str(error)) from error
    work.writes.update_map(_made(work.map), value, slots(type_, work.serving(plan)))
    return ""


def slots(type_: StructOpsType, programs: Mapping[str, Handle]) -> dict[int, Handle]:
    """Programs by their member's place in the value, in bytes."""
    places = {member.name: type_.data_offset + member.offset for member in type_.members}
    return {places[name]: program for name, program in programs.items()}


def _delete(work: Work) -> str:
    work.writes.delete_map(_made(work.map))
    return ""


def _link(plan: Plan, facts: RegistrationFacts) -> Iterator[Action]:
    if plan.replace_link:
        link = facts.snapshot.links.get(plan.replace_link)
        yield from replacing(plan.replace_link, link.map_id if link else 0)
    elif plan.link:
        undo = _detach_or_close(facts.detach_supported)
        yield Action(
            Step("BPF_LINK_CREATE", printable(plan.map_name), "registers it with the kernel"),
            _create_link,
            undo,
        )


def replacing(link_id: int, old_map_id: int) -> Iterator[Action]:
    """Put the map of the work into a link, in the place of the one that was seen there."""

    def open_link(work: Work) -> str:
        work.link = work.writes.open_link(link_id)
        return ""

    def open_old(work: Work) -> str:
        work.old_map = work.writes.open_map(old_map_id)
        return ""

    def update(work: Work) -> str:
        work.writes.update_link(_made(work.link), _made(work.map), _made(work.old_map))
        return ""

    def update_back(work: Work) -> str:
        work.writes.update_link(_made(work.link), _made(work.old_map), _made(work.map))
        return ""

    link = f"link {link_id}"
    yield Action(Step("BPF_LINK_GET_FD_BY_ID", link, "the link to change"), open_link)
    yield Action(
        Step("BPF_MAP_GET_FD_BY_ID", f"map {old_map_id}", "the map it must hold until then"),
        open_old,
    )
    yield Action(
        Step("BPF_LINK_UPDATE", link, f"the new map in place of map {old_map_id}"),
        update,
        Action(Step("BPF_LINK_UPDATE", link, f"undo: map {old_map_id} back again"), update_back),
    )


def _create_link(work: Work) -> str:
    work.link = work.writes.create_link(_made(work.map))
    return f"link {work.link.id}"


def _detach_or_close(detach: bool) -> Action:
    """What ends a link that was just made; before 6.11 only its last holder's end does."""

    def detach_link(work: Work) -> str:
        work.writes.detach_link(_made(work.link))
        return ""

    def close_link(work: Work) -> str:
        _made(work.link).close()
        return ""

    if detach:
        return Action(Step("BPF_LINK_DETACH", "", "undo: unregister"), detach_link)
    return Action(Step("close", "", "undo: let go of the link"), close_link)


def _pin(plan: Plan) -> Action:
    def target(work: Work) -> Handle:
        return _made(work.link if plan.link else work.map)

    def pin(work: Work) -> str:
        work.writes.pin(target(work), plan.pin)
        return ""

    def unpin(work: Work) -> str:
        work.writes.unpin(plan.pin, target(work).kind, target(work).id)
        return ""

    path = printable(plan.pin)
    what = "the link, which lives on with it" if plan.link else "the map"
    return Action(
        Step("BPF_OBJ_PIN", path, what),
        pin,
        Action(Step("unlink", path, "undo: remove the pin"), unpin),
    )


def _read_back(plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> Action:
    showing = of_type(type_.name).registering.showing
    looks = [
        "state, refcnt",
        *(["link"] if plan.needs_link_map else []),
        *([showing.where] if showing else []),
    ]
    return Action(
        Step(READ_BACK, printable(plan.map_name), ", ".join(looks)),
        lambda work: read_back(plan, type_, facts, work),
    )


def _made(handle: Handle | None) -> Handle:
    """What an earlier step made; steps stop at the first that fails, so it is there."""
    if handle is None:
        raise NotThere("an earlier step made nothing")
    return handle
