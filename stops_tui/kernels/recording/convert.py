"""Raw records, as a kernel hands them up ⇄ records of a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeVar

from stops_tui.kernels.kernel import (
    RawBpffs,
    RawCode,
    RawConditions,
    RawFd,
    RawHolders,
    RawLink,
    RawMap,
    RawPin,
    RawProgram,
    RawSubsystems,
    RunCount,
)
from stops_tui.kernels.recording import records
from stops_tui.kernels.recording.records import Record

R = TypeVar("R", bound=Record)


def to_record(kind: type[R], raw: Any, **more: Any) -> R:
    """A record with the fields of the same name; `more` says those that differ."""
    return kind(*(more[f] if f in more else getattr(raw, f) for f in kind.__struct_fields__))


def fields(record: Record, *but: str) -> dict[str, Any]:
    """The fields of a record by name."""
    return {name: getattr(record, name) for name in record.__struct_fields__ if name not in but}


def text(words: str) -> str:
    """Words as a record takes them: bytes that are no UTF-8 escaped, and cut off where too long."""
    escaped = words.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return escaped[: records.TEXT_MOST]


def map_record(raw: RawMap) -> records.Map:
    """A map for the file."""
    return to_record(records.Map, raw)


def raw_map(record: records.Map) -> RawMap:
    """A map from the file."""
    return RawMap(**fields(record))


def raw_link(record: records.Link) -> RawLink:
    """A link from the file."""
    return RawLink(**fields(record))


def subsystems_record(raw: RawSubsystems, log: Iterable[str]) -> records.Subsystems:
    """What subsystems say, and the kernel's log of them, for the file."""
    ids = None if raw.hid_ids is None else sorted(raw.hid_ids)
    return to_record(records.Subsystems, raw, hid_ids=ids, log=[text(line) for line in log])


def raw_subsystems(record: records.Subsystems) -> RawSubsystems:
    """What subsystems say, from the file."""
    ids = None if record.hid_ids is None else frozenset(record.hid_ids)
    return RawSubsystems(record.sched_ext_state, record.sched_ext_ops, ids)


def program_record(raw: RawProgram) -> records.Program:
    """A program for the file."""
    return to_record(records.Program, raw, map_ids=list(raw.map_ids))


def raw_program(record: records.Program, runs: RunCount) -> RawProgram:
    """A program from the file, with its run statistics."""
    return RawProgram(**fields(record, "map_ids"), map_ids=tuple(record.map_ids), runs=runs)


def code_record(prog_id: int, raw: RawCode) -> records.Code:
    """A program's code for the file."""
    plain: dict[str, Any] = {name: list(getattr(raw, name)) for name in _SEQUENCES}
    plain |= {name: dict(getattr(raw, name)) for name in _MAPPINGS}
    return to_record(records.Code, raw, prog_id=prog_id, **plain)


def raw_code(record: records.Code) -> RawCode:
    """A program's code from the file."""
    sequences: dict[str, Any] = {name: tuple(getattr(record, name)) for name in _SEQUENCES}
    return RawCode(**(fields(record, "prog_id") | sequences))


def holders_record(raw: RawHolders) -> records.Holders:
    """Pins and file descriptors for the file."""
    pins = [to_record(records.Pin, pin, path=os.fsencode(pin.path)) for pin in raw.pins]
    fds = [to_record(records.Fd, fd) for fd in raw.fds]
    return records.Holders(pins, fds, [text(words) for words in raw.unseen])


def raw_holders(record: records.Holders) -> RawHolders:
    """Pins and file descriptors from the file."""
    return RawHolders(
        tuple(RawPin(os.fsdecode(pin.path), pin.kind, pin.id) for pin in record.pins),
        tuple(RawFd(**fields(fd)) for fd in record.fds),
        tuple(record.unseen),
    )


def conditions_record(raw: RawConditions) -> records.Conditions:
    """Conditions for the file."""
    controls = raw.congestion_controls
    return records.Conditions(
        None if raw.capabilities is None else sorted(raw.capabilities),
        None if controls is None else list(controls),
        raw.congestion_default,
        [_bpffs_record(bpffs) for bpffs in raw.bpffs],
    )


def raw_conditions(record: records.Conditions, subsystems: RawSubsystems) -> RawConditions:
    """Conditions from the file, with what subsystems say at the time."""
    controls = record.congestion_controls
    return RawConditions(
        None if record.capabilities is None else frozenset(record.capabilities),
        subsystems,
        None if controls is None else tuple(controls),
        record.congestion_default,
        tuple(
            RawBpffs(os.fsdecode(bpffs.path), frozenset(map(os.fsdecode, bpffs.folders)))
            for bpffs in record.bpffs
        ),
    )


def _bpffs_record(raw: RawBpffs) -> records.Bpffs:
    return records.Bpffs(os.fsencode(raw.path), sorted(map(os.fsencode, raw.folders)))


_SEQUENCES = ("jited_func_lens", "jited_ksyms", "func_info", "line_info", "jited_line_info")
_MAPPINGS = ("symbols", "maps", "helpers")
