"""What any kernel does when it is changed: each test here runs on the running one and the fake.

A test takes a `Bench`, and names congestion controls by `bench.name`, which nobody else has.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from errno import EBUSY, EEXIST, EINPROGRESS, EINVAL, ENOENT, EOPNOTSUPP
from functools import partial

import pytest

from stops_tui.bpf.errors import ENOTSUPP, BpfError
from stops_tui.bpf.insns import R0, exit_, mov
from stops_tui.kernels.kernel import Kernel
from stops_tui.kernels.writes import Call, Handle, NewMap, NewProgram, ReadOnly, Refused
from stops_tui.struct_ops.members import Decoder
from stops_tui.struct_ops.types import StructOpsType, offered_types

TCP = "tcp_congestion_ops"
LEAST = ("ssthresh", "undo_cwnd", "cong_avoid")
BPF_F_LINK = 1 << 13


class Bench:
    """Makes things in a kernel by its `Writes`; `close` lets all of them go."""

    def __init__(self, kernel: Kernel, name: str) -> None:
        self.kernel = kernel
        self.name = name
        self.writes = kernel.writes
        self.calls: list[Call] = []
        self.writes.armed = True
        self.writes.listen = self.calls.append
        self._types = {type_.name: type_ for type_ in offered_types(kernel)}
        self._stack = ExitStack()
        self._btf = self.keep(self.writes.load_btf())

    def keep(self, handle: Handle) -> Handle:
        """Close it at the end."""
        return self._stack.enter_context(closing(handle))

    def close(self) -> None:
        self._stack.close()
        self.writes.armed = False
        self.writes.listen = None

    def program(self, member: str = "ssthresh", type_name: str = TCP) -> Handle:
        """A program that returns 2."""
        type_ = self._types[type_name]
        index = next(m.index for m in type_.members if m.name == member)
        new = NewProgram(f"t_{member}"[:15], (mov(R0, 2), exit_()), type_.type_id, index)
        return self.keep(self.writes.load_program(new))

    def map(self, *, link: bool = False, type_name: str = TCP, **other: int) -> Handle:
        """A map in INIT; `other` overrides fields of NewMap."""
        type_ = self._types[type_name]
        fields = {"value_type_id": type_.value_type_id, "value_size": type_.value_size, **other}
        new = NewMap(self.name[:15], link=link, btf_id=type_.btf_id, **fields)
        return self.keep(self.writes.create_map(new, self._btf))

    def offset(self, member: str, type_name: str = TCP) -> int:
        type_ = self._types[type_name]
        return type_.data_offset + next(m.offset for m in type_.members if m.name == member)

    def value(self, type_name: str = TCP, **data: bytes) -> bytes:
        """A value with these data members."""
        value = bytearray(self._types[type_name].value_size)
        for member, content in data.items():
            at = self.offset(member, type_name)
            value[at : at + len(content)] = content
        return bytes(value)

    def update(
        self,
        target: Handle,
        value: bytes | None = None,
        members: tuple[str, ...] = LEAST,
        type_name: str = TCP,
    ) -> None:
        """BPF_MAP_UPDATE_ELEM with a new program for each member."""
        programs = {self.offset(m, type_name): self.program(m, type_name) for m in members}
        value = value if value is not None else self.value(name=self.name.encode())
        self.writes.update_map(target, value, programs)

    def type(self, name: str = TCP) -> StructOpsType:
        return self._types[name]

    def seen(self, target: Handle) -> tuple[str, int] | None:
        """State and refcnt in the next sweep; None if the map is gone."""
        raw = self.kernel.sweep().maps.get(target.id)
        if raw is None:
            return None
        refcnt, state = Decoder(self._types[TCP]).header(raw.value)
        return state, refcnt

    def taken(self) -> bool:
        """Whether a congestion control of our name is registered."""
        return self.name in (self.kernel.conditions().congestion_controls or ())


def refused(errno: int, words: str, call: Callable[[], object]) -> None:
    """The kernel must refuse the call, with these words in its cause."""
    with pytest.raises(BpfError) as caught:
        call()
    assert caught.value.errno == errno, caught.value
    assert words in caught.value.cause


def a_plain_map_lives(bench: Bench) -> None:
    ops = bench.map()
    assert bench.seen(ops) == ("INIT", 0)
    refused(ENOENT, "INIT", lambda: bench.writes.delete_map(ops))
    bench.update(ops)
    assert bench.seen(ops) == ("INUSE", 1)
    assert bench.taken()
    refused(EBUSY, "only once", lambda: bench.update(ops))
    bench.writes.delete_map(ops)
    assert bench.seen(ops) == ("TOBEFREE", 0)
    assert not bench.taken()
    refused(EBUSY, "only once", lambda: bench.update(ops))
    refused(EINPROGRESS, "TOBEFREE", lambda: bench.writes.delete_map(ops))


def a_plain_map_outlives_its_handle(bench: Bench) -> None:
    ops = bench.map()
    bench.update(ops)
    ops.close()
    assert bench.seen(ops) == ("INUSE", 1)
    again = bench.keep(bench.writes.open_map(ops.id))
    bench.writes.delete_map(again)
    assert bench.seen(ops) == ("TOBEFREE", 0)


def a_link_lives(bench: Bench) -> None:
    ops = bench.map(link=True)
    refused(EINVAL, "INIT", lambda: bench.writes.create_link(ops))
    bench.update(ops)
    assert bench.seen(ops) == ("READY", 0)
    assert not bench.taken()
    refused(EBUSY, "only once", lambda: bench.update(ops))
    link = bench.keep(bench.writes.create_link(ops))
    assert bench.seen(ops) == ("READY", 1)
    assert bench.kernel.sweep().links[link.id].map_id == ops.id
    assert bench.taken()
    refused(EOPNOTSUPP, "detach its link", lambda: bench.writes.delete_map(ops))
    refused(EEXIST, "already has one of this name", lambda: bench.writes.create_link(ops))
    bench.writes.detach_link(link)
    bench.writes.detach_link(link)
    assert bench.kernel.sweep().links[link.id].map_id == 0
    assert bench.seen(ops) == ("READY", 0)
    assert not bench.taken()
    link = bench.keep(bench.writes.create_link(ops))
    link.close()
    assert link.id not in bench.kernel.sweep().links
    assert bench.seen(ops) == ("READY", 0)


def a_link_keeps_its_map(bench: Bench) -> None:
    ops = bench.map(link=True)
    bench.update(ops)
    link = bench.keep(bench.writes.create_link(ops))
    ops.close()
    assert bench.seen(ops) == ("READY", 1)
    assert bench.taken()
    link.close()
    assert not bench.taken()


def a_taken_name_is_refused(bench: Bench) -> None:
    first, second, third = bench.map(), bench.map(), bench.map(link=True)
    bench.update(first)
    words = "already has one of this name"
    refused(EEXIST, words, lambda: bench.update(second))
    assert bench.seen(second) == ("INIT", 0)
    bench.update(third)
    refused(EEXIST, words, lambda: bench.writes.create_link(third))
    bench.writes.delete_map(first)
    bench.update(second)
    assert bench.taken()
    bench.writes.delete_map(second)


def a_map_wants_what_its_subsystem_wants(bench: Bench) -> None:
    for ops in (bench.map(), bench.map(link=True)):
        named = bench.name.encode()
        for bad in (b"", b"no good", named + b"-"):
            value = bench.value(name=bad)
            refused(EINVAL, "bad name", partial(bench.update, ops, value))
        refused(EINVAL, "mandatory", partial(bench.update, ops, members=LEAST[:2]))
        value = bench.value(name=named, key=b"\1")
        refused(EINVAL, "does not take", partial(bench.update, ops, value))
        assert bench.seen(ops) == ("INIT", 0)


def a_program_fits_one_member(bench: Bench) -> None:
    ops = bench.map()
    ssthresh = bench.program("ssthresh")
    programs = {bench.offset(m): ssthresh for m in LEAST}
    value = bench.value(name=bench.name.encode())
    words = "made for another"
    refused(EINVAL, words, lambda: bench.writes.update_map(ops, value, programs))
    dummy = bench.program("test_1", "bpf_dummy_ops")
    programs = {bench.offset("ssthresh"): dummy}
    refused(EINVAL, words, lambda: bench.writes.update_map(ops, value, programs))


def a_program_is_for_a_member_of_a_type(bench: Bench) -> None:
    type_ = bench.type()
    new = NewProgram("t_lost", (mov(R0, 2), exit_()), type_.type_id, 0)
    for wrong, errno in (
        (replace(new, type_id=type_.value_type_id), ENOTSUPP),
        (replace(new, member=200), EINVAL),
        (replace(new, name="no good"), EINVAL),
    ):
        refused(errno, "", partial(bench.writes.load_program, wrong))


def the_test_type_never_registers(bench: Bench) -> None:
    dummy = "bpf_dummy_ops"
    plain, link = bench.map(type_name=dummy), bench.map(type_name=dummy, link=True)
    for ops in (plain, link):
        value = bench.value(dummy)
        call = partial(bench.update, ops, value, ("test_1",), dummy)
        refused(EOPNOTSUPP, "never registers", call)


def maps_are_made_right(bench: Bench) -> None:
    type_ = bench.type()
    refused(EINVAL, "size", lambda: bench.map(value_size=type_.value_size - 8))
    refused(ENOTSUPP, "no struct_ops type", lambda: bench.map(value_type_id=type_.type_id))
    bench.name = "no good"
    refused(EINVAL, "characters outside", bench.map)


def read_only_changes_nothing(bench: Bench) -> None:
    ops, link = bench.map(), bench.map(link=True)
    bench.update(link)
    told = len(bench.calls)
    attached = bench.keep(bench.writes.create_link(link))
    bench.writes.armed = False
    writes = bench.writes
    for call in (
        lambda: bench.program(),
        writes.load_btf,
        bench.map,
        lambda: writes.update_map(ops, bench.value(name=b"x"), {}),
        lambda: writes.delete_map(ops),
        lambda: writes.create_link(link),
        lambda: writes.update_link(attached, link, ops),
        lambda: writes.detach_link(attached),
        lambda: writes.pin(ops, "/sys/fs/bpf/x"),
        lambda: writes.unpin("/sys/fs/bpf/x", "map", ops.id),
        lambda: writes.mount_bpffs("/sys/fs/bpf"),
    ):
        with pytest.raises(ReadOnly):
            call()
    assert len(bench.calls) == told + 1
    assert bench.seen(ops) == ("INIT", 0)
    attached.close()  # letting go must always be possible


def wrecking_calls_are_refused(bench: Bench) -> None:
    ops, link_map = bench.map(), bench.map(link=True)
    name = bench.name.encode()
    bench.update(link_map)
    link = bench.keep(bench.writes.create_link(link_map))
    ssthresh = bench.program()
    for value, programs, words in (
        (b"\1" + bench.value(name=name)[1:], {}, "refcnt and state"),
        (bench.value(name=name, list=b"\1"), {}, "list.next is a pointer"),
        (bench.value(name=name, ssthresh=b"\5"), {}, "ssthresh is given as a number"),
        (bench.value(name=name), {bench.offset("list"): ssthresh}, "no function member"),
        (bench.value(name=name)[:-1], {}, "bytes"),
    ):
        with pytest.raises(Refused, match=words):
            bench.writes.update_map(ops, value, programs)
    assert bench.calls[-1].error.startswith("not sent: ")
    assert bench.seen(ops) == ("INIT", 0)
    assert bench.kernel.sweep().links[link.id].map_id == link_map.id


def what_is_gone_is_told(bench: Bench) -> None:
    for call in (bench.writes.open_map, bench.writes.open_program, bench.writes.open_link):
        refused(ENOENT, "gone", partial(call, (1 << 31) - 1))
    refused(ENOENT, "", lambda: bench.writes.open_pin("/sys/fs/bpf/nobody pinned this"))


def every_call_is_told(bench: Bench) -> None:
    ops = bench.map(link=True)
    bench.update(ops)
    link = bench.writes.create_link(ops)
    link.close()
    link.close()
    told = [(call.command, call.result) for call in bench.calls]
    assert [command for command, _ in told] == [
        "BPF_BTF_LOAD",
        "BPF_MAP_CREATE",
        *["BPF_PROG_LOAD"] * 3,
        "BPF_MAP_UPDATE_ELEM",
        "BPF_LINK_CREATE",
        "close",
    ]
    assert told[1] == ("BPF_MAP_CREATE", ops.id)
    assert bench.calls[1].arguments["flags"] == "BPF_F_LINK"
    assert bench.calls[5].arguments["map"] == ops.id
    assert "ssthresh=" in str(bench.calls[5].arguments["programs"])
    assert told[6] == ("BPF_LINK_CREATE", link.id)
    assert dict(bench.calls[7].arguments) == {"link": link.id}
    assert all(call.error == "" for call in bench.calls)
    refused(EINVAL, "without BPF_F_LINK", lambda: bench.writes.create_link(bench.map()))
    assert bench.calls[-1].error.startswith("EINVAL: ")


CONTRACT: tuple[Callable[[Bench], None], ...] = (
    a_plain_map_lives,
    a_plain_map_outlives_its_handle,
    a_link_lives,
    a_link_keeps_its_map,
    a_taken_name_is_refused,
    a_map_wants_what_its_subsystem_wants,
    a_program_fits_one_member,
    a_program_is_for_a_member_of_a_type,
    the_test_type_never_registers,
    maps_are_made_right,
    read_only_changes_nothing,
    wrecking_calls_are_refused,
    what_is_gone_is_told,
    every_call_is_told,
)
