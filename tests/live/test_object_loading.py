"""Objects that clang compiled, loaded by libbpf 1.1 and by a newer one, and registered."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.object_file import ObjectFile, read
from stops_tui.bpf.syscall import opened
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.writes import NewObject, ReadOnly
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.object_plan import object_plan
from stops_tui.struct_ops.registration.objects import ObjectFiles
from tests.support import bpftool
from tests.support.clang import bpf_object, missing
from tests.support.command import Cli
from tests.support.debian import unpacked
from tests.support.live import Kit, available, eventually, open_bpf_fds
from tests.support.traffic import counting, runs, transfer
from tests.support.unchecked import perform_all

CHOOSES = "STOPS_TUI_LIBBPF"


def newer() -> str:
    """A libbpf of 1.4 or later, unpacked and not installed."""
    return str(next(unpacked("bookworm-backports", "libbpf1").glob("usr/lib/*/libbpf.so.1")))


@pytest.fixture(params=["installed", "newer"])
def libbpf(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The version that a test runs with: the distribution's, and a newer one."""
    if request.param == "newer":
        monkeypatch.setenv(CHOOSES, newer())
    else:
        monkeypatch.delenv(CHOOSES, raising=False)
    return _libbpf()


@pytest.fixture
def oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution's libbpf, where that is 1.1."""
    monkeypatch.delenv(CHOOSES, raising=False)
    if _libbpf() != "1.1":
        missing(f"the libbpf of this host is {_libbpf()}, not 1.1")


@pytest.fixture
def links(kit: Kit) -> None:
    """Only where there are links."""
    kit.need_links()


def _libbpf() -> str:
    with closing(LiveKernel.open()) as kernel:
        found = kernel.writes.libbpf()
    return found.version or missing(found.problem)


class Mine:
    """An object whose programs and global data have names of their own in the kernel.

    Attributes:
        path: Its file.
        word: What took the place of the object's own word, in all names.
    """

    def __init__(self, kit: Kit, name: str, word: str, folder: Path) -> None:
        self._kit = kit
        self.word = secrets.token_hex(8)[: len(word) - 1].join(("x", ""))
        data = bpf_object(name).read_bytes()
        self.path = folder / f"{self.word}.bpf.o"
        self.path.write_bytes(data.replace(word.encode(), self.word.encode()))

    @property
    def file(self) -> ObjectFile:
        """What is in it."""
        return read(str(self.path))

    def left(self) -> list[str]:
        """What of it is in the kernel."""
        bpf, found = self._kit.bpf, []
        for kind, after, open_, info in (
            ("prog", bpf.prog_get_next_id, bpf.prog_get_fd_by_id, bpf.prog_get_info_by_fd),
            ("map", bpf.map_get_next_id, bpf.map_get_fd_by_id, bpf.map_get_info_by_fd),
        ):
            object_id = after(0)
            while object_id is not None:
                try:
                    with opened(open_(object_id)) as fd:
                        name = info(fd).name
                except BpfError:
                    name = ""
                found += [f"{kind} {object_id} {name}"] if name.startswith(self.word) else []
                object_id = after(object_id)
        return found


@pytest.fixture
def dctcp(kit: Kit, tmp_path: Path) -> Iterator[Mine]:
    """A congestion control with maps, global data, CO-RE and kfuncs; nothing is left of it."""
    mine = Mine(kit, "dctcp", "dctcp", tmp_path)
    yield mine
    assert eventually(lambda: not mine.left()), mine.left()


# From a file to traffic, and back to nothing.


def test_an_object_with_one_data_member_changed_carries_traffic(
    kit: Kit, cli: Cli, dctcp: Mine, libbpf: str
) -> None:
    name = kit.name()
    register = ("register", "--object", str(dctcp.path), "--set", f"name={name}")
    tried = cli.outcome(*register, "--dry-run")
    assert (tried["ok"], tried["left"]) == (True, [])
    assert eventually(lambda: not dctcp.left()), dctcp.left()
    made = cli.outcome(*register)
    assert (made["ok"], made["state"], made["link_id"]) == (True, "INUSE", 0)
    assert any(f"libbpf {libbpf} can load 6 programs" in check["words"] for check in made["checks"])
    assert name in available()
    assert bpftool.text("struct_ops", "list", "id", str(made["map_id"])).split()[1] == dctcp.word
    programs = bpftool.Registered(made["map_id"], name).programs
    (variable,) = dctcp.file.struct_ops
    assert set(programs) == set(variable.programs)
    with counting() as kernel:
        before = runs(kernel, programs)
        transfer(name)
        after = runs(kernel, programs)
    for member in "init", "in_ack_event", "cong_avoid":
        assert after[member] > before[member], member
    assert [program for program in dctcp.left() if "rodata" in program], "global data has its name"
    assert cli.outcome("unregister", "name", dctcp.word, "--yes")["ok"]
    assert name not in available()


def test_the_audit_file_tells_each_program_and_the_whole(kit: Kit, cli: Cli, dctcp: Mine) -> None:
    name = kit.name()
    made = cli.outcome("register", "--object", str(dctcp.path), "--set", f"name={name}")
    programs = bpftool.Registered(made["map_id"], name).programs
    *loads, whole, btf, create, update = cli.audit
    assert {call["call"] for call in loads} == {"BPF_PROG_LOAD"}
    assert {call["arguments"]["member"]: call["result"] for call in loads} == {
        f"tcp_congestion_ops.{member}": id_ for member, id_ in programs.items()
    }
    assert (whole["call"], whole["arguments"]["path"]) == ("bpf_object__load", str(dctcp.path))
    assert [call["call"] for call in (btf, create, update)] == [
        *("BPF_BTF_LOAD", "BPF_MAP_CREATE", "BPF_MAP_UPDATE_ELEM")
    ]
    assert cli.outcome("unregister", "id", str(made["map_id"]), "--yes")["ok"]


def test_another_program_serves_a_member(kit: Kit, cli: Cli, tmp_path: Path, libbpf: str) -> None:
    name, pair = kit.name(), Mine(kit, "pair", "by_eighth", tmp_path)
    made = cli.outcome(
        *("register", "--object", str(pair.path), "--map", "meek", "--set", f"name={name}"),
        *("--prog", f"ssthresh={pair.word}"),
    )
    assert pair.word in bpftool.text("struct_ops", "dump", "id", str(made["map_id"]))
    programs = bpftool.Registered(made["map_id"], name).programs
    assert set(programs) == {"ssthresh", "cong_avoid", "undo_cwnd"}
    transfer(name)
    assert cli.outcome("unregister", "id", str(made["map_id"]), "--yes")["ok"]
    assert eventually(lambda: not pair.left()), pair.left()


def test_two_maps_of_an_object_share_its_programs_and_maps(kit: Kit, cli: Cli, libbpf: str) -> None:
    path, names = str(bpf_object("pair")), {each: kit.name() for each in ("meek", "bold")}
    options = [f"--set={variable}.name={name}" for variable, name in names.items()]
    register = ("register", "--object", path, "--map", "meek", "--map", "bold", *options)
    made = cli.outcome(*register)
    assert made["ok"]
    found = {
        name: bpftool.Registered(each["map_id"], name).programs
        for each, name in zip(made["maps"], names.values(), strict=True)
    }
    meek, bold = found.values()
    assert (meek["cong_avoid"], meek["undo_cwnd"]) == (bold["cong_avoid"], bold["undo_cwnd"])
    assert meek["ssthresh"] != bold["ssthresh"]
    with closing(LiveKernel.open()) as kernel:
        used = [kernel.program(each["ssthresh"]) for each in (meek, bold)]
    assert used[0]
    assert used[1]
    assert used[0].map_ids == used[1].map_ids != ()
    for name in names.values():
        transfer(name)
    for each in made["maps"]:
        assert cli.outcome("unregister", "id", str(each["map_id"]), "--yes")["ok"]
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


def test_two_links_are_pinned_in_a_folder(
    kit: Kit, bpffs: tuple[Cli, Path], links: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHOOSES, newer())
    cli, point = bpffs
    names = {each: kit.name() for each in ("meek", "bold")}
    options = [f"--set={variable}.name={name}" for variable, name in names.items()]
    path = str(bpf_object("pair_link"))
    made = cli.outcome(
        *("register", "--object", path, "--map=meek", "--map=bold", "--pin", str(point), *options)
    )
    assert [each["status"] for each in made["maps"]] == ["attached", "attached"]
    assert set(names.values()) <= available()
    for variable in names:
        assert cli.outcome("unregister", "pinned", f"{point}/{variable}", "--yes")["ok"]
    assert not set(names.values()) & available()
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


def test_a_map_that_asks_to_be_pinned_is_not_and_that_is_said(
    kit: Kit, bpffs: tuple[Cli, Path]
) -> None:
    cli, _ = bpffs
    path, name = str(bpf_object("pair_pinned")), kit.name()
    made = cli.outcome("register", "--object", path, "--map=meek", "--set", f"name={name}")
    said = "; map reductions is not pinned at /sys/fs/bpf/reductions, as the object asks"
    assert made["steps"][0]["message"].endswith(said)
    assert cli.outcome("unregister", "id", str(made["map_id"]), "--yes")["ok"]


def test_a_name_that_is_taken_bars_both(kit: Kit, cli: Cli) -> None:
    path, name = str(bpf_object("pair")), kit.name()
    with kit.tcp_map() as taken:
        options = (f"--set=meek.name={name}", f"--set=bold.name={taken.name}")
        found = cli.outcome(
            *("register", "--object", path, "--map", "meek", "--map", "bold", *options),
            exit_code=5,
        )
        assert "already registered" in found["words"]
        assert name not in available()
    assert cli.audit == [], "a check bars it before anything is loaded"


# Links.


@pytest.mark.usefixtures("links")
def test_a_link_is_refused_by_1_1_in_words(kit: Kit, bpffs: tuple[Cli, Path], oldest: None) -> None:
    cli, point = bpffs
    path = str(bpf_object("dctcp_link"))
    ended = cli.run(
        *("register", "--object", path, "--set", f"name={kit.name()}", "--pin", f"{point}/x")
    )
    assert (ended.returncode, ended.stdout) == (4, "")
    assert ended.stderr == (
        f"stops-tui: {path}: dctcp is in .struct_ops.link: that needs libbpf 1.2 or later, and "
        f"libbpf.so.1 is 1.1; a newer one may be named by {CHOOSES}. Nothing was done.\n"
    )
    assert cli.audit == []


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("name", ["dctcp_link", "suffixed"])
def test_a_link_is_registered_and_pinned_with_a_newer_one(
    kit: Kit, bpffs: tuple[Cli, Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(CHOOSES, newer())
    (cli, point), ours = bpffs, kit.name()
    pin = f"{point}/{ours}"
    made = cli.outcome(
        *("register", "--object", str(bpf_object(name)), "--set", f"name={ours}", "--pin", pin)
    )
    assert (made["state"], made["status"]) == ("READY", "attached")
    assert ours in available()
    transfer(ours)
    (found,) = cli.outcome("list", "id", str(made["map_id"]))
    assert found["link_pins"] == [pin]
    assert cli.outcome("unregister", "pinned", pin, "--yes")["ok"]
    assert ours not in available()
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


def test_an_optional_map_is_made_with_a_newer_one(
    kit: Kit, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHOOSES, newer())
    path, name = str(bpf_object("dctcp_optional")), kit.name()
    made = cli.outcome("register", "--object", path, "--set", f"name={name}")
    assert made["ok"], made["words"]
    assert cli.outcome("unregister", "id", str(made["map_id"]), "--yes")["ok"]


def test_a_member_that_no_kernel_has_is_not_lost_in_silence(kit: Kit, cli: Cli) -> None:
    path = str(bpf_object("suffixed_set"))
    ended = cli.run("register", "--object", path, "--set", f"name={kit.name()}", "--pin", "/x")
    assert ended.returncode == 4
    assert "suffixed: future: the object sets it to 7, tcp_congestion_ops has no" in ended.stderr


# What the verifier refuses, and what is not there.


def test_a_refused_program_is_told_by_its_line_and_nothing_is_left(
    kit: Kit, cli: Cli, tmp_path: Path, libbpf: str
) -> None:
    refused = Mine(kit, "refused", "refused_", tmp_path)
    register = ("register", "--object", str(refused.path), "--set", f"name={kit.name()}")
    ended = cli.run(*register)
    assert ended.returncode == 5
    outcome, source, insn, *log = [
        line for line in ended.stderr.splitlines() if "a plain map" not in line
    ]
    why = "R1 cannot write into ptr_tcp_sock at off"  # since 7.2
    if why not in outcome:
        why = "no write support to tcp_sock at off"
    assert f"Program {refused.word}undo_cwnd: {why}" in outcome
    assert outcome.endswith("Nothing was left behind.")
    assert "tp->snd_una = window; /* this line */" in source
    assert f"{refused.word}undo_cwnd, instruction 2: (63) *(u32 *)(r1 +" in insn
    assert any(why in line for line in log)
    assert eventually(lambda: not refused.left()), refused.left()
    found = cli.outcome(*register, exit_code=5)
    (step,) = found["steps"]
    assert (step["call"], step["errno"]) == ("bpf_object__load", "EACCES")
    assert step["refusal"]["program"] == f"{refused.word}undo_cwnd"
    assert step["refusal"]["source"] == "tp->snd_una = window; /* this line */"
    assert step["log"].splitlines()[-1].startswith("processed ")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nowhere/libbpf.so.1", f"{CHOOSES} names /nowhere/libbpf.so.1, which cannot be opened"),
        ("/etc/passwd", f"{CHOOSES} names /etc/passwd, which cannot be opened (invalid ELF header"),
        ("libc.so.6", "libc.so.6 is no libbpf, or one older than 0.6: install Debian's libbpf1"),
    ],
)
def test_without_a_libbpf_it_is_said_and_inspection_still_works(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, path: str, says: str
) -> None:
    monkeypatch.setenv(CHOOSES, path)
    file = str(bpf_object("dctcp"))
    ended = cli.run("register", "--object", file, "--set", "name=x")
    assert (ended.returncode, ended.stdout) == (4, "")
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert cli.run("object", file).returncode == 0
    assert cli.run("register", "--example", "reno", "--dry-run").returncode == 0


# Below the command.


@pytest.fixture
def kernel() -> Iterator[LiveKernel]:
    with closing(LiveKernel.open()) as kernel:
        kernel.writes.armed = True
        kernel.kernel_btfs()  # its file stays open
        yield kernel


def new(path: Path, programs: Mapping[str, Mapping[str, str]] | None = None) -> NewObject:
    file = read(str(path))
    own = {each.variable: each.programs for each in file.struct_ops}
    return NewObject(file.path, file.data, programs or own)


NO_STDIN = """
import os, sys
os.close(0)
from stops_tui.bpf.object_file import read
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.writes import NewObject
writes = LiveKernel.open().writes
writes.armed = True
file = read(sys.argv[1])
new = NewObject(file.path, file.data, {v.variable: v.programs for v in file.struct_ops})
print(min(program.fd for program in writes.load_object(new).programs.values()))
"""


def test_no_program_has_file_descriptor_0(dctcp: Mine) -> None:
    """Which the kernel takes as none: an optional member would be missing, without a word."""
    answer = subprocess.run(
        [sys.executable, "-c", NO_STDIN, dctcp.path], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) > 2


def all_fds() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 (the one that lists them is closed)


def test_nothing_of_libbpf_stays_open(
    kernel: LiveKernel, dctcp: Mine, libbpf: str, capfd: pytest.CaptureFixture[str]
) -> None:
    kernel.writes.load_object(new(dctcp.path)).close()  # libraries and BTF are opened once
    before, bpf_before = all_fds(), open_bpf_fds()
    loaded = kernel.writes.load_object(new(dctcp.path))
    assert len(open_bpf_fds()) == len(bpf_before) + len(loaded.programs)
    assert len(dctcp.left()) == len(loaded.programs) + 1, "programs, and their global data"
    loaded.close()
    loaded.close()
    with pytest.raises(BpfError) as refused:
        kernel.writes.load_object(new(bpf_object("refused")))
    assert refused.value.program == "refused_undo_cwnd"
    assert (all_fds(), open_bpf_fds()) == (before, bpf_before)
    assert capfd.readouterr() == ("", ""), "libbpf prints nothing"


def test_if_the_kernel_refuses_the_second_map_the_first_is_undone(
    kit: Kit, kernel: LiveKernel, libbpf: str
) -> None:
    file, name = read(str(bpf_object("pair"))), kit.name()
    facts = RegistrationFacts.gather(kernel, objects=ObjectFiles(file))
    with kit.tcp_map() as taken:
        plans = [
            replace(object_plan(file, variable, facts.types).plan, data={"name": data})
            for variable, data in {"meek": name, "bold": taken.name}.items()
        ]
        first, second = perform_all(plans, facts, kernel.writes)
        assert f'"{taken.name}" is registered already (by map {taken.id} ' in second.words
        assert first.words == "Undone, because bold failed. Nothing was left behind."
        assert name not in available()
    ids = [result.message.removeprefix("map ") for result in (*first.steps, *second.steps)
           if result.step.call == "BPF_MAP_CREATE"]  # fmt: skip
    assert len(ids) == 2
    for map_id in ids:
        with pytest.raises(BpfError):
            kernel.writes.open_map(int(map_id))


def test_only_what_is_wanted_is_loaded(kernel: LiveKernel, dctcp: Mine) -> None:
    programs = {dctcp.word: {"ssthresh": f"{dctcp.word}_ssthresh"}}
    with closing(kernel.writes.load_object(new(dctcp.path, programs))) as loaded:
        assert list(loaded.programs) == [f"{dctcp.word}_ssthresh"]
        assert [each.split()[2][:15] for each in dctcp.left() if each.startswith("prog")] == [
            f"{dctcp.word}_ssthresh"[:15]
        ]


def test_what_libbpf_cannot_load_is_told_in_its_own_words(
    kernel: LiveKernel, oldest: None, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BpfError) as failed:
        kernel.writes.load_object(new(bpf_object("suffixed")))
    assert failed.value.command in ("bpf_object__load", "BPF_PROG_LOAD")
    assert capfd.readouterr() == ("", "")


def test_unarmed_nothing_is_loaded(kernel: LiveKernel, dctcp: Mine) -> None:
    kernel.writes.armed = False
    with pytest.raises(ReadOnly):
        kernel.writes.load_object(new(dctcp.path))


def test_two_threads_load_each_its_own(kernel: LiveKernel, dctcp: Mine) -> None:
    wanted = {"good": new(dctcp.path), "bad": new(bpf_object("refused"))}
    found: dict[str, list[str]] = {"good": [], "bad": []}

    def load(which: str) -> None:
        for _ in range(5):
            try:
                kernel.writes.load_object(wanted[which]).close()
                found[which].append("loaded")
            except BpfError as error:
                found[which].append(error.program)

    threads = [threading.Thread(target=load, args=(which,)) for which in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"good": ["loaded"] * 5, "bad": ["refused_undo_cwnd"] * 5}


def test_killed_at_any_call_nothing_is_left(kit: Kit, cli: Cli, dctcp: Mine) -> None:
    kit.need_links()  # a dry run is made in a scratch link map
    name = kit.name()
    register = ("register", "--object", str(dctcp.path), "--set", f"name={name}", "--dry-run")
    calls = cli.calls(*register)
    assert calls > len(dctcp.file.programs)
    for at in (1, calls // 2, calls):
        assert cli.signalled(*register, by=signal.SIGKILL, at=at).returncode == -signal.SIGKILL
        assert name not in available()
        assert eventually(lambda: not dctcp.left()), dctcp.left()
