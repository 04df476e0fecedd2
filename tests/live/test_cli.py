"""The command on the running kernel, beside bpftool and real sockets."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.support import bpftool, unprivileged
from tests.support.clang import bpf_object, tool
from tests.support.command import COMMAND, Cli, loaded, run
from tests.support.guest import PATIENCE
from tests.support.live import TCP_MANDATORY, Kit, LiveMap, eventually


def listed(map_id: int) -> dict[str, Any] | None:
    """A map as `list` tells it; None if it is gone."""
    found = [each for each in loaded("list") if each["id"] == map_id]
    return found[0] if found else None


@contextmanager
def compiled(kit: Kit, scratch: Path) -> Iterator[bpftool.Registered]:
    """tests/bpf/cc.c, registered by bpftool."""
    with bpftool.registered(bpf_object("cc"), scratch, name=kit.name()) as ours:
        kit.map_ids.add(ours.map_id)
        yield ours


def test_the_life_of_a_registered_map_with_ten_sockets(kit: Kit, tmp_path: Path) -> None:
    with compiled(kit, tmp_path) as ours:
        with kit.clients(ours.name, 10):
            found = listed(ours.map_id)
            assert found
            assert (found["state"], found["status"]) == ("INUSE", "registered")
            assert (found["refcnt"], found["holders"]) == (11, 10)
            members = {name: value["prog_id"] for name, value in found["members"].items()}
            assert members == ours.programs
            names = {prog["id"]: prog["name"] for prog in bpftool.parsed("prog", "list")
                     if prog["type"] == "struct_ops"}  # fmt: skip
            for value in found["members"].values():
                assert value["prog_name"] == names[value["prog_id"]]
            bpftool.text("struct_ops", "unregister", "id", str(ours.map_id))
            found = listed(ours.map_id)
            assert found
            assert (found["state"], found["status"]) == ("TOBEFREE", "unregistered, held")
            assert (found["refcnt"], found["holders"]) == (10, 10)
        assert eventually(lambda: listed(ours.map_id) is None)
    assert loaded("list", "id", str(ours.map_id), exit_code=1) == []


@pytest.fixture
def every_state(kit: Kit) -> Iterator[list[LiveMap]]:
    with (
        kit.tcp_map(state="INIT") as init,
        kit.tcp_map() as inuse,
        kit.tcp_map(state="TOBEFREE") as tobefree,
        kit.tcp_map(link=True) as ready,
        kit.tcp_map(link=True) as attached,
        attached.link(),
        kit.clients(inuse.name, 2),
    ):
        yield [init, inuse, tobefree, ready, attached]


def test_list_tells_states_and_who_holds(cli: Cli, every_state: list[LiveMap]) -> None:
    found = {each["id"]: each for each in cli.outcome("list")}
    told = [
        (each["state"], each["status"], each["refcnt"], each["holders"])
        for each in (found[made.id] for made in every_state)
    ]
    assert told == [
        ("INIT", "initialised", 0, 0),
        ("INUSE", "registered", 3, 2),
        ("TOBEFREE", "unregistered, held", 0, 0),
        ("READY", "ready, not attached", 0, 0),
        ("READY", "attached", 1, 0),
    ]
    us = {"pid": os.getpid(), "comm": Path("/proc/self/comm").read_text().strip()}
    assert all(us in found[made.id]["pids"] for made in every_state)
    attached = found[every_state[-1].id]
    assert len(attached["links"]) == 1
    assert us in attached["link_pids"]


def test_dump_equals_that_of_bpftool(every_state: list[LiveMap]) -> None:
    ids = {made.id for made in every_state}
    ours, theirs = (
        {
            info["bpf_map_info"]["id"]: (info, value)
            for info, value in zip(dump[::2], dump[1::2], strict=True)
            if info["bpf_map_info"]["id"] in ids
        }
        for dump in (loaded("dump"), bpftool.parsed("struct_ops", "dump"))
    )
    assert ours == theirs
    assert ours.keys() == ids
    one, another, *_ = every_state
    assert loaded("dump", "id", str(one.id)) == list(theirs[one.id])
    assert loaded("dump", "name", another.name) == list(theirs[another.id])


def test_types_have_the_offsets_and_sizes_of_bpftool() -> None:
    dumped = bpftool.parsed("btf", "dump", "file", "/sys/kernel/btf/vmlinux")["types"]
    by_id = {found["id"]: found for found in dumped}
    types = loaded("types")
    assert "tcp_congestion_ops" in {found["name"] for found in types}
    for found in types:
        struct, value = by_id[found["type_id"]], by_id[found["value_type_id"]]
        assert (struct["name"], struct["size"]) == (found["name"], found["size"])
        assert value["name"] == f"bpf_struct_ops_{found['name']}"
        assert value["size"] == found["value_size"]
        (data,) = (member for member in value["members"] if member["name"] == "data")
        assert data["bits_offset"] == 8 * found["data_offset"]
        ours = [(each["name"], each["offset"], each["size"]) for each in found["members"]]
        assert ours == [
            (member["name"], member["bits_offset"] // 8, size_of(by_id, member["type_id"]))
            for member in struct["members"]
        ]


def size_of(by_id: dict[int, Any], type_id: int) -> int:
    """Bytes of a type, by bpftool's JSON."""
    found = by_id[type_id]
    if found["kind"] == "PTR":
        return 8
    if found["kind"] == "ARRAY":
        return int(found["nr_elems"]) * size_of(by_id, found["type_id"])
    return int(found["size"]) if "size" in found else size_of(by_id, found["type_id"])


def test_progs_tell_what_bpftool_tells(kit: Kit) -> None:
    with kit.tcp_map() as made, kit.program("init", name="in_no_map") as fd:
        loose = kit.bpf.prog_get_info_by_fd(fd).id
        ours = {found["id"]: found for found in loaded("progs")}
        theirs = {found["id"]: found for found in bpftool.parsed("prog", "list")}
        for prog_id in (*made.programs.values(), loose):
            found = ours[prog_id]
            same = ("name", "tag", "gpl_compatible", "loaded_at", "uid", "bytes_xlated", "btf_id")
            assert {key: found[key] for key in same} == {key: theirs[prog_id][key] for key in same}
            assert found["struct"] == "tcp_congestion_ops"
        for member in TCP_MANDATORY:
            found = ours[made.programs[member]]
            assert (found["member"], found["maps"]) == (member, [made.id])
        assert (ours[loose]["member"], ours[loose]["maps"]) == (None, [])


def test_prog_prints_the_code_that_bpftool_prints(kit: Kit, tmp_path: Path) -> None:
    with compiled(kit, tmp_path) as ours:
        number = str(ours.programs["undo_cwnd"])
        expected = bpftool.text("prog", "dump", "xlated", "id", number)
        assert run("prog", "id", number, "--xlated") == expected
        everything = run("prog", "id", number)
        assert all(f"  {line}" in everything for line in expected.splitlines())
        assert "\nJITed code:\n" in everything


@pytest.fixture
def watch(kit: Kit) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of a `watch` that has had its first look."""
    command = [*COMMAND, "watch", "--json", "--interval", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        output = process.stdout

        def told_of_a_map() -> bool:
            with kit.tcp_map():
                return bool(select.select([output], [], [], 0.5)[0])

        patience = Timer(60 * PATIENCE, process.kill)
        patience.start()
        try:
            assert eventually(told_of_a_map, 30)
            yield map(json.loads, output)
        finally:
            patience.cancel()
            process.kill()


def test_watch_tells_a_life(kit: Kit, watch: Iterator[dict[str, Any]]) -> None:
    with kit.tcp_map() as made:

        def told(what: str) -> tuple[str, str]:
            """The next event of that kind about our map."""
            event = next(e for e in watch if (e["map_id"], e["what"]) == (made.id, what))
            return event["before"], event["after"]

        assert told("map") == ("", "registered")
        with kit.clients(made.name, 1):
            assert told("refcnt") == ("1", "2")
            made.unregister()
            assert told("state") == ("INUSE", "TOBEFREE")
            made.drop()
        assert told("map")[1] == ""


@pytest.fixture(scope="module")
def as_nobody() -> Iterator[list[str]]:
    """The command of a user without any privilege."""
    with unprivileged.command() as command:
        yield command


def test_nobody_is_told_the_capability_and_the_remedy(as_nobody: list[str]) -> None:
    for verb in (["list", "--json"], ["watch"]):
        ended = subprocess.run(
            [*as_nobody, *verb],
            capture_output=True,
            text=True,
            timeout=60 * PATIENCE,
            check=False,
            cwd="/",
        )
        assert (ended.returncode, ended.stdout) == (3, ""), ended.stderr
        assert ended.stderr.startswith("stops-tui: CAP_SYS_ADMIN is missing")
        assert "sudo /" in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_what_needs_no_kernel_needs_no_privilege(as_nobody: list[str]) -> None:
    helped = subprocess.run(
        [*as_nobody, "list", "--help"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert "examples:" in helped.stdout


def test_a_pin_is_listed_with_its_path(kit: Kit, tmp_path: Path) -> None:
    with kit.tcp_map() as made:
        steps = (
            f"mount -t bpf bpf {tmp_path}",
            f"{bpftool.installed()} map pin id {made.id} {tmp_path}/ours",
            f"{' '.join(COMMAND)} list id {made.id} --json",
        )
        namespace = [tool("unshare"), "--mount", "--propagation", "private"]
        ended = subprocess.run(
            [*namespace, "sh", "-c", " && ".join(steps)],
            capture_output=True, text=True, timeout=60 * PATIENCE, check=True,
        )  # fmt: skip
        (found,) = json.loads(ended.stdout)
        assert found["pins"] == [f"{tmp_path}/ours"]
