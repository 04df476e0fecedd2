"""Checks of how a registration comes to live and what ends it: kernel, rights, pin, lifetime."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from stops_tui.struct_ops.members import Decoder, name_in_subsystem
from stops_tui.struct_ops.registration.encode import EncodeError, encode
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.lifetime import keeping, lifetime
from stops_tui.struct_ops.registration.naming import name_problem
from stops_tui.struct_ops.registration.objects import Unusable
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import Example, InObject, Loaded, Pinned, Plan
from stops_tui.struct_ops.registration.sources import NoProgram, program_of
from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.subsystems import Data, of_type
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import StructOpsType


def map_name(plan: Plan) -> Iterator[Check]:
    """The map's own name."""
    if problem := name_problem(plan.map_name):
        yield Check("failed", f"the map's name: {problem}")


def kinds(plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> Iterator[Check]:
    """Whether kernel and subsystem register such maps in this way."""
    subsystem = of_type(type_.name).registering
    if subsystem.never:
        yield Check("failed", f"{type_.name}: {subsystem.never}")
    elif plan.needs_link_map and not facts.links_supported:
        yield Check("failed", "this kernel has no BPF_F_LINK (6.4): use a plain map")
    elif plan.needs_link_map and not subsystem.link:
        yield Check("failed", f"{type_.name} takes no links (EOPNOTSUPP): use a plain map")
    elif not plan.needs_link_map and not subsystem.plain:
        yield Check("failed", f"{type_.name} takes links only: use a link")
    if subsystem.needs_map and not _use_maps(plan, facts):
        yield Check(
            "failed",
            f"{type_.name} needs a program that uses {subsystem.needs_map} (EINVAL): choose one",
        )


def _use_maps(plan: Plan, facts: RegistrationFacts) -> bool:
    """Whether any program uses a map at all: of which kind is not known here."""
    for source in plan.programs.values():
        try:
            if isinstance(source, InObject) and facts.objects.at(source.path).maps:
                return True
            if isinstance(source, Loaded | Pinned) and program_of(source, facts).raw.map_ids:
                return True
        except (NoProgram, Unusable):
            continue
    return False


def rights(plan: Plan, facts: RegistrationFacts) -> Iterator[Check]:
    """The capabilities that the calls need; CAP_SYS_ADMIN stands for each of them."""
    has = facts.conditions.capabilities
    needed = {"CAP_BPF": "making the map"}
    sources = plan.programs.values()
    if any(isinstance(source, Example | InObject) for source in sources):
        needed["CAP_PERFMON"] = "loading programs"
    if plan.replace_link or any(isinstance(source, Loaded | Pinned) for source in sources):
        needed["CAP_SYS_ADMIN"] = "opening what is there by its id"
    if plan.mount:
        needed["CAP_SYS_ADMIN"] = "mounting a bpffs"
    if has is None:
        yield Check("warned", f"whether there are {', '.join(needed)} is unknown without /proc")
        return
    missing = [name for name in needed if not has & {name, "CAP_SYS_ADMIN"}]
    for name in missing:
        words = f"{name} is missing, for {needed[name]}: run it as root"
        yield Check("failed", words, beyond=True)
    if not missing:
        yield Check("passed", ", ".join(needed))


def subsystem_state(plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> Iterator[Check]:
    """Whether the subsystem would refuse it as things are now, and what it will do with it."""
    subsystem = of_type(type_.name).registering
    data = decoded_data(plan, type_)
    if plan.replace_link or data is None:
        return
    if subsystem.obstacle:
        problem = subsystem.obstacle(data, facts.conditions)
        if problem:
            yield Check("failed", problem, subsystem.name)
        elif subsystem.clear:
            yield Check("passed", subsystem.clear)
    if subsystem.consequence and (words := subsystem.consequence(data, facts.conditions)):
        yield Check("warned", words)


def decoded_data(plan: Plan, type_: StructOpsType) -> Data | None:
    """The plan's data members as the subsystem will read them; None if they are malformed."""
    try:
        return Decoder(type_).data(encode(type_, plan.data))
    except (EncodeError, DecodeError):
        return None


def place(plan: Plan, facts: RegistrationFacts) -> Iterator[Check]:
    """Whether the pin can be made where it is wanted."""
    if plan.mount:
        yield _mount(plan.mount, facts)
    if plan.pin:
        problem = pin_problem(plan, facts)
        yield (
            Check("failed", problem) if problem else Check("passed", f"{_shown(plan.pin)} is free")
        )


def _mount(path: str, facts: RegistrationFacts) -> Check:
    if not path.startswith("/") or "\0" in path:
        return Check("failed", f"{_shown(path)}: give the whole path of the folder to mount on")
    if any(bpffs.path == path for bpffs in facts.conditions.bpffs):
        return Check("failed", f"a bpffs is mounted on {_shown(path)} already: leave that out")
    return Check(
        "warned", f"the bpffs mounted on {_shown(path)} stays after this program: umount {path}"
    )


def pin_problem(plan: Plan, facts: RegistrationFacts) -> str:
    """Why nothing can be pinned at the plan's path, and what to do; "" if something can."""
    path, folder = plan.pin, posixpath.dirname(plan.pin)
    if plan.replace_link:
        return "a link that exists is not pinned by replacing its map: leave the pin out"
    if not path.startswith("/") or posixpath.normpath(path) != path or path == "/" or "\0" in path:
        return f"{_shown(path)}: give the whole path of a file that is not there yet"
    if "." in posixpath.basename(path):
        return f"{_shown(path)}: a bpffs takes no name with a dot in it: leave the dot out"
    if plan.mount and folder == plan.mount:
        return ""
    mounted = [b for b in facts.conditions.bpffs if path.startswith(b.path.rstrip("/") + "/")]
    if not mounted:
        there = ", ".join(bpffs.path for bpffs in facts.conditions.bpffs)
        advice = (
            f"choose a path under {there}" if there else "mount one: mount -t bpf bpf /sys/fs/bpf"
        )
        return f"{_shown(path)} is in no bpffs: {_shown(advice)}"
    if any(path in bpffs.folders for bpffs in mounted):
        return f"{_shown(path)} is a folder: add a file name"
    if all(folder not in bpffs.folders for bpffs in mounted):
        return f"the folder {_shown(folder)} does not exist: make it (mkdir) or choose another"
    if any(pin.path == path for pin in facts.holders.pins):
        return f"something is pinned at {_shown(path)} already: choose another path"
    return ""


def _shown(path: str) -> str:
    return printable(path)


def lives(plan: Plan) -> Iterator[Check]:
    """What survives this program."""
    found = lifetime(plan)
    words = "outlives this program" if found.safe and plan.pin else found.words
    yield Check("passed" if found.safe else "warned", words)


def replaced(plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> Iterator[Check]:
    """Whether the link can take the new map (LINK_UPDATE)."""
    if not plan.replace_link:
        return
    data = decoded_data(plan, type_)
    name = of_type(type_.name).registering.name
    new_name = str(data.get(name, "")) if data else ""
    yield from link_checks(plan.replace_link, type_.name, new_name, facts)


def link_checks(
    link_id: int, type_name: str, new_name: str, facts: RegistrationFacts
) -> Iterator[Check]:
    """Whether a link can take another map of this type, which its subsystem knows by this name."""
    link = facts.snapshot.links.get(link_id)
    old = facts.snapshot.maps.get(link.map_id) if link else None
    subsystem = of_type(type_name).registering
    if link is None:
        yield Check("failed", f"there is no struct_ops link {link_id}: choose another")
    elif old is None or old.type is None:
        yield Check("failed", f"link {link_id} holds no map any more: make a new link instead")
    elif old.type.name != type_name:
        yield Check("failed", f"link {link_id} holds a {old.type.name}: choose another link")
    elif not subsystem.update:
        yield Check(
            "failed",
            f"{type_name} cannot replace a map in a link (EOPNOTSUPP): unregister, then register",
        )
    else:
        old_name = name_in_subsystem(old.type, old.raw.value)
        if old_name != new_name:
            yield Check(
                "failed",
                f'link {link_id} holds "{_shown(old_name)}", and only one of the same name can '
                f'take its place, not "{_shown(new_name)}" (EINVAL): set the name to that',
                subsystem.name,
            )
        else:
            yield Check(
                "warned",
                f"link {link_id} lets go of map {old.id} {_shown(old.name)}: {_users(old.holders)}",
            )


def _users(holders: int) -> str:
    """What becomes of those who use a map that is replaced."""
    if not holders:
        return "nobody uses it now"
    return f"{keeping(holders)}, new ones get the new map"
