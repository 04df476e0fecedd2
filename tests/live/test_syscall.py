"""Every bpf(2) command against the running kernel, and against bpftool where it answers.

BPF_LINK_UPDATE is left out on purpose: of a TCP link it can stop the kernel.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from errno import EACCES, EBADF, EBUSY, EEXIST, EINPROGRESS, EINVAL, ENOENT, EOPNOTSUPP, EPERM
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf import _cdefs
from stops_tui.bpf.errors import ENOTSUPP, BpfError
from stops_tui.bpf.info import LINK_TYPE_STRUCT_OPS, MAP_TYPE_STRUCT_OPS, PROG_TYPE_STRUCT_OPS
from stops_tui.bpf.insns import R0, R1, Insn, encode, exit_, ldx, mov
from stops_tui.bpf.syscall import BPF_F_RDONLY, opened
from stops_tui.btf import Btf, Composite, Kind
from tests.support import bpftool
from tests.support.live import RETURN_0, TCP_MANDATORY, Kit, available

ffi: Any = _cdefs.ffi


def refused(errno: int, call: Callable[[], object], cause: str = "") -> BpfError:
    with pytest.raises(BpfError, match=cause or None) as caught:
        call()
    assert caught.value.errno == errno
    return caught.value


def shown(kind: str, obj_id: int) -> dict[str, Any]:
    """What bpftool says of an object; of a kind's list where it shows no single one."""
    listed = bpftool.parsed(kind, "list", "id", str(obj_id))
    found: dict[str, Any] = listed[0] if isinstance(listed, list) else listed
    assert found["id"] == obj_id
    return found


# What is sent is laid out as the kernel's own BTF says.


def flat(btf: Btf, type_id: int, base: int = 0) -> dict[str, int]:
    """Offset in bytes of each member, those of unnamed structs and unions among them."""
    composite = btf.resolve(type_id)
    found: dict[str, int] = {}
    assert isinstance(composite, Composite)
    for field in composite.members:
        offset = base + field.bit_offset // 8
        found |= {field.name: offset} if field.name else flat(btf, field.type_id, offset)
    return found


def variants(btf: Btf) -> list[dict[str, int]]:
    attr_id = btf.find("bpf_attr", Kind.UNION)
    attr = btf.type(attr_id or 0)
    assert isinstance(attr, Composite)
    return [flat(btf, field.type_id) for field in attr.members]


@pytest.mark.parametrize("name", ["map", "prog", "link", "btf"])
def test_info_structs_are_the_kernels(kit: Kit, name: str) -> None:
    kernels = flat(kit.btf, kit.btf.find(f"bpf_{name}_info", Kind.STRUCT) or 0)
    for field, layout in ffi.typeof(f"struct bpf_{name}_info").fields:
        if name == "link" and field in ("pad", "map_id"):
            continue  # one of a union; read below, in test_link
        if field in kernels:
            assert layout.offset == kernels[field], field
        elif field:  # newer than this kernel: where it has nothing
            assert layout.offset not in kernels.values(), field


SINCE_6_9 = {"value_type_btf_obj_fd", "map_token_fd"}


@pytest.mark.parametrize("name", [each for each in ffi.list_types()[1] if each.startswith("attr_")])
def test_attributes_are_the_kernels(kit: Kit, name: str) -> None:
    aliases = {"id": "start_id"}
    mine = {
        aliases.get(field, field): layout.offset
        for field, layout in ffi.typeof(f"struct {name}").fields
        if field != "pad"
    }
    theirs = variants(kit.btf)
    if "link" in name:  # before there were any, links were of programs only
        kit.need_links()
    for newer in SINCE_6_9 - set().union(*theirs):
        mine.pop(newer, None)
    assert any(mine.items() <= variant.items() for variant in theirs)


# Maps.


def test_map_info(kit: Kit) -> None:
    with kit.tcp_map(link=True) as ops:
        info = kit.bpf.map_get_info_by_fd(ops.fd)
        told = shown("map", ops.id)
        assert (info.id, info.name, info.flags) == (ops.id, ops.name, told["flags"])
        assert info.name == told["name"]
        assert info.type == MAP_TYPE_STRUCT_OPS == kit.bpf.obj_get_type_by_fd(ops.fd)
        assert info.value_size == told["bytes_value"] == kit.layout().value_size
        assert info.value_type_id == kit.layout().value_type_id
        with opened(kit.bpf.btf_get_fd_by_id(info.btf_id)) as fd:
            assert kit.bpf.btf_get_info_by_fd(fd).name == "vmlinux"
        kernels = kit.btf.type(kit.btf.find("bpf_map_info", Kind.STRUCT) or 0)
        assert isinstance(kernels, Composite)
        assert len(info.raw) == kernels.size


def test_map_ids_are_those_of_bpftool(kit: Kit) -> None:
    with kit.tcp_map() as one, kit.tcp_map(state="INIT") as two:
        ids = walk(kit.bpf.map_get_next_id)
        assert {one.id, two.id} <= set(ids)
        assert ids == sorted(ids)
        told = {each["id"] for each in bpftool.parsed("map", "list")}
        # Other maps may come and go on this host in between.
        assert {one.id, two.id} <= told


def walk(next_id: Callable[[int], int | None]) -> list[int]:
    ids, found = [], next_id(0)
    while found is not None:
        ids.append(found)
        found = next_id(found)
    return ids


def test_value_holds_program_ids(kit: Kit) -> None:
    with kit.tcp_map() as ops:
        value = kit.bpf.map_lookup_elem(ops.fd, kit.layout().value_size)
        for member, prog_id in ops.programs.items():
            at = kit.layout().data_offset + kit.layout().offsets[member]
            assert struct.unpack_from("=Q", value, at) == (prog_id,)


def test_a_value_larger_than_any_before(kit: Kit) -> None:
    with opened(kit.bpf.map_create(map_type=2, value_size=70_000, name=kit.name())) as fd:
        value = os.urandom(70_000)
        kit.bpf.map_update_elem(fd, value)
        assert kit.bpf.map_lookup_elem(fd, 70_000) == value
        assert kit.bpf.map_lookup_elem(fd, 70_000, key=bytes(4)) == value


def test_states_of_a_plain_map(kit: Kit) -> None:
    with kit.tcp_map(state="INIT") as ops:
        refused(ENOENT, ops.unregister, "INIT")
        ops.register()
        refused(EBUSY, ops.register, "past INIT")
        refused(EINVAL, lambda: kit.bpf.link_create(ops.fd), "without BPF_F_LINK")
        ops.unregister()
        refused(EINPROGRESS, ops.unregister, "TOBEFREE")
        refused(EBUSY, ops.register)


def test_a_name_is_registered_once(kit: Kit) -> None:
    with kit.tcp_map() as ops, kit.tcp_map(state="INIT", name=ops.name) as second:
        refused(EEXIST, second.register, "already has one of this name")
        assert second.state == "INIT"


def test_a_mandatory_member_is_missing(kit: Kit) -> None:
    with kit.tcp_map(state="INIT", members=("ssthresh",)) as ops:
        refused(EINVAL, ops.register, "mandatory")


def test_success_that_is_none_is_an_error(kit: Kit) -> None:
    """A module pointer set: the kernel answers 1 and registers nothing."""
    with kit.tcp_map(state="INIT", data={"owner": struct.pack("=Q", 1)}) as ops:
        with pytest.raises(BpfError, match="nothing was done"):
            ops.register()
        assert ops.state == "INIT"
        assert ops.name not in available()


def test_read_only_fd_reads_and_does_not_write(kit: Kit) -> None:
    with kit.tcp_map() as ops:
        with opened(kit.bpf.map_get_fd_by_id(ops.id, BPF_F_RDONLY)) as fd:
            assert len(kit.bpf.map_lookup_elem(fd, kit.layout().value_size)) == len(ops.value)
            refused(EPERM, lambda: kit.bpf.map_update_elem(fd, ops.value), "read-only")
            refused(EPERM, lambda: kit.bpf.map_delete_elem(fd), "read-only")
        assert ops.state == "INUSE"


def test_map_create_refusals(kit: Kit) -> None:
    layout = kit.layout()
    create: Any = partial(
        kit.bpf.map_create, value_size=layout.value_size, value_type_id=layout.value_type_id
    )
    refused(EINVAL, create, "no BTF given")
    refused(EBADF, partial(create, btf_fd=9999))
    with opened(kit.bpf.btf_get_fd_by_id(1)) as vmlinux, kit.program() as prog:
        refused(EINVAL, partial(create, btf_fd=prog))
        refused(EACCES, partial(create, btf_fd=vmlinux), "kernel's own")
        with opened(kit.bpf.btf_get_fd_by_id(_btf_id(kit, prog))) as btf:
            create = partial(create, btf_fd=btf)
            refused(EINVAL, partial(create, value_size=8), "size")
            refused(ENOTSUPP, partial(create, value_type_id=layout.type_id), "no struct_ops type")
            refused(EINVAL, partial(create, name="no good"), "name")
            refused(EINVAL, partial(create, value_type_btf_fd=vmlinux))


def _btf_id(kit: Kit, prog_fd: int) -> int:
    return kit.bpf.prog_get_info_by_fd(prog_fd).btf_id


def test_an_object_that_is_gone(kit: Kit) -> None:
    with kit.tcp_map() as ops:
        pass
    bpf = kit.bpf
    for get_fd in (bpf.prog_get_fd_by_id, bpf.link_get_fd_by_id, bpf.btf_get_fd_by_id):
        refused(ENOENT, partial(get_fd, 0x7FFFFFFF), "gone")
    refused(ENOENT, lambda: kit.bpf.map_get_fd_by_id(ops.id), "gone")


# Programs and BTF.


def test_program_info(kit: Kit) -> None:
    with kit.program("ssthresh") as fd:
        info = kit.bpf.prog_get_info_by_fd(fd, "xlated_prog_insns", "func_info", "map_ids")
        told = shown("prog", info.id)
        assert info.type == PROG_TYPE_STRUCT_OPS == kit.bpf.obj_get_type_by_fd(fd)
        assert info.tag.hex() == told["tag"]
        assert (info.uid, info.gpl_compatible) == (told["uid"], told["gpl_compatible"])
        assert (info.xlated_len, info.jited_len) == (told["bytes_xlated"], told["bytes_jited"])
        assert info.btf_id == told["btf_id"]
        assert info.name == "stops_test_ssth"
        assert told["name"].startswith("stops_test_ssth")
        assert info.attach_btf_id == kit.layout().type_id
        assert info.verified_insns == 2
        # Constants may come out blinded (bpf_jit_harden); these two do not.
        assert info.arrays["xlated_prog_insns"] == encode(RETURN_0)
        assert info.arrays["map_ids"] == b""
        assert info.record_sizes["func_info"] == 8 == len(info.arrays["func_info"])


def test_program_ids_are_those_of_bpftool(kit: Kit) -> None:
    with kit.program() as fd:
        prog_id = kit.bpf.prog_get_info_by_fd(fd).id
        assert prog_id in walk(kit.bpf.prog_get_next_id)
        assert prog_id in {each["id"] for each in bpftool.parsed("prog", "list")}


BEYOND_THE_ARGUMENTS = ldx("u64", R0, R1, 800)


def load(kit: Kit, *insns: Insn, **asked: Any) -> int:
    defaults = {
        "attach_btf_id": kit.layout().type_id,
        "expected_attach_type": kit.layout().indexes["ssthresh"],
    }
    return kit.bpf.prog_load(encode(insns or RETURN_0), **(defaults | asked))


def test_prog_load_refusals(kit: Kit) -> None:
    indexes = kit.layout().indexes
    refused(EACCES, lambda: load(kit, exit_()), "R0 !read_ok")
    refused(EACCES, lambda: load(kit, BEYOND_THE_ARGUMENTS, exit_()), "ctx|access")
    refused(EINVAL, lambda: load(kit, license="Proprietary"), "GPL compatible license")
    refused(EINVAL, lambda: load(kit, expected_attach_type=99), "invalid member idx 99")
    refused(EINVAL, lambda: load(kit, expected_attach_type=indexes["name"]), "invalid member")
    refused(ENOTSUPP, lambda: load(kit, attach_btf_id=kit.layout().value_type_id), "not a supp")
    refused(ENOTSUPP, lambda: load(kit, attach_btf_id=0))
    refused(ENOTSUPP, lambda: load(kit, expected_attach_type=indexes["get_info"]), "get_info")
    refused(EINVAL, lambda: load(kit, name="no good"))


def test_the_log_is_whole(kit: Kit) -> None:
    insns = (mov(R0, 0), *(mov(R0, R0),) * 4000, BEYOND_THE_ARGUMENTS, exit_())
    error = refused(EACCES, lambda: load(kit, *insns), "ctx|access")
    assert error.log.rstrip().splitlines()[-1].startswith("processed")
    assert len(error.log) > 1 << 16


def test_btf(kit: Kit) -> None:
    with (
        kit.program("undo_cwnd") as prog,
        opened(kit.bpf.btf_get_fd_by_id(_btf_id(kit, prog))) as fd,
    ):
        info = kit.bpf.btf_get_info_by_fd(fd)
        data = kit.bpf.btf_get_data_by_fd(fd)
        told = shown("btf", info.id)
        assert len(data) == info.size == told["size"]
        assert (info.kernel, info.name) == (False, "")
        assert Btf.parse(data).find("stops_test_undo_cwnd", Kind.FUNC)


def test_vmlinux_btf_is_that_of_sysfs(kit: Kit) -> None:
    assert kit.bpf.btf_get_next_id(0) == 1
    with opened(kit.bpf.btf_get_fd_by_id(1)) as fd:
        info = kit.bpf.btf_get_info_by_fd(fd)
        assert (info.name, info.kernel) == ("vmlinux", True)
        assert kit.bpf.btf_get_data_by_fd(fd) == Path("/sys/kernel/btf/vmlinux").read_bytes()


def test_btf_load_says_what_is_wrong(kit: Kit) -> None:
    error = refused(EINVAL, lambda: kit.bpf.btf_load(bytes(24)))
    assert "magic" in error.cause.lower()


# Links, pins, statistics.


def test_link(kit: Kit) -> None:
    with kit.tcp_map(link=True) as ops:
        refused(EOPNOTSUPP, lambda: kit.bpf.map_delete_elem(ops.fd), "detach its link")
        with ops.link() as link:
            info = kit.bpf.link_get_info_by_fd(link.fd)
            told = shown("link", link.id)
            assert (info.type, info.map_id) == (LINK_TYPE_STRUCT_OPS, ops.id)
            assert kit.bpf.obj_get_type_by_fd(link.fd) == LINK_TYPE_STRUCT_OPS
            assert told["type"] == "struct_ops"
            assert link.id in walk(kit.bpf.link_get_next_id)
            refused(EEXIST, lambda: kit.bpf.link_create(ops.fd), "already")
            kit.bpf.link_detach(link.fd)
            kit.bpf.link_detach(link.fd)
            assert kit.bpf.link_get_info_by_fd(link.fd).map_id == 0
            assert ops.name not in available()
        refused(ENOENT, lambda: kit.bpf.link_get_fd_by_id(link.id))


def test_pins_need_a_bpffs(kit: Kit, tmp_path: Path) -> None:
    with kit.tcp_map(state="INIT") as ops:
        refused(EPERM, lambda: kit.bpf.obj_pin(ops.fd, f"{tmp_path}/pin"), "not in a bpffs")
        refused(ENOENT, lambda: kit.bpf.obj_pin(ops.fd, f"{tmp_path}/no/pin"), "folder")
    refused(ENOENT, lambda: kit.bpf.obj_get(f"{tmp_path}/pin"), "nothing is pinned")
    (tmp_path / "file").touch()
    refused(EACCES, lambda: kit.bpf.obj_get(f"{tmp_path}/file"), "no pinned object")


def test_statistics_count_runs(kit: Kit) -> None:
    with (
        kit.tcp_map(members=(*TCP_MANDATORY, "init")) as ops,
        opened(kit.bpf.enable_stats()),
        kit.clients(ops.name, 3),
        opened(kit.bpf.prog_get_fd_by_id(ops.programs["init"])) as fd,
    ):
        info = kit.bpf.prog_get_info_by_fd(fd)
        assert info.run_cnt == 3
        assert info.run_time_ns > 0


def test_file_descriptors_are_close_on_exec(kit: Kit) -> None:
    with kit.tcp_map(link=True) as ops, ops.link() as link, kit.program() as prog:
        fds = [ops.fd, link.fd, prog]
        with opened(kit.bpf.enable_stats()) as stats, opened(kit.bpf.btf_get_fd_by_id(1)) as btf:
            fds += [stats, btf]
            assert all(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC for fd in fds)
