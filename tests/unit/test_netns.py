"""Network namespaces, from folders laid out as /proc is: a namespace is a file, told by inode."""

from __future__ import annotations

import os
import threading
from errno import EPERM
from pathlib import Path

import pytest

from stops_tui.kernels.live import netns
from stops_tui.kernels.live.netns import Namespace, Namespaces, NoAnswerError, inside, words
from stops_tui.kernels.users import RawNetns
from tests.support.live import eventually


class Host:
    """Processes and namespaces as files; each namespace is one file with many names."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.named = folder / "netns"
        self._files = folder / "nsfs"
        for made in (self.proc, self.named, self._files):
            made.mkdir()

    def namespace(self, name: str) -> int:
        file = self._files / name
        file.touch()
        return file.stat().st_ino

    def process(self, pid: int, comm: str, name: str, thread: str = "") -> None:
        self.namespace(name)
        folder = self.proc / str(pid)
        for task, its in ((folder, name), (folder / "task/7", thread or name)):
            (task / "ns").mkdir(parents=True)
            self.namespace(its)
            os.link(self._files / its, task / "ns/net")
        (folder / "ns/mnt").touch()
        (folder / "fd").mkdir()
        (folder / "comm").write_text(comm + "\n")
        (folder / "mountinfo").write_text("")

    def me(self, name: str) -> None:
        (self.proc / "thread-self/ns").mkdir(parents=True)
        self.namespace(name)
        os.link(self._files / name, self.proc / "thread-self/ns/net")

    def name(self, name: str) -> None:
        os.link(self._files / name, self.named / name)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path)
    monkeypatch.setattr(netns, "NAMED", made.named)
    return made


def found(host: Host) -> list[tuple[str, int, str, bool]]:
    spaces, unseen = Namespaces(host.proc).search()
    assert unseen == []
    return [(s.netns.name, s.netns.pid, s.netns.comm, s.netns.ours) for s in spaces]


def test_of_processes_and_their_threads(host: Host) -> None:
    host.me("init")
    host.process(1, "systemd", "init")
    host.process(812, "nginx", "web")
    host.process(813, "nginx", "web")
    host.process(900, "dockerd", "init", thread="strange")
    assert found(host)[0] == ("", 1, "systemd", True)
    assert sorted(found(host)[1:]) == [("", 812, "nginx", False), ("", 900, "dockerd", False)]


def test_named_ones_with_and_without_a_process(host: Host) -> None:
    host.me("init")
    host.process(812, "nginx", "web")
    host.namespace("empty")
    host.name("web")
    host.name("empty")
    assert found(host)[1:] == [("empty", 0, "", False), ("web", 812, "nginx", False)]


def test_one_that_an_open_file_keeps(host: Host) -> None:
    host.me("init")
    host.process(5, "keeper", "init")
    (host.proc / "5/fd/9").symlink_to("net:[4026539999]")
    (host.proc / "5/fd/8").symlink_to("mnt:[4026539998]")
    spaces, _ = Namespaces(host.proc).search()
    assert spaces[1:] == [Namespace(RawNetns(4026539999), f"{host.proc}/5/fd/9")]


def test_one_that_a_mount_in_another_mount_namespace_keeps(host: Host) -> None:
    host.me("init")
    host.process(5, "dockerd", "init")
    line = "70 23 0:4 net:[4026539999] /run/docker/netns/ab rw shared:1 - nsfs nsfs rw\n"
    (host.proc / "5/mountinfo").write_text(line)
    spaces, _ = Namespaces(host.proc).search()
    path = f"{host.proc}/5/root/run/docker/netns/ab"
    assert spaces[1:] == [Namespace(RawNetns(4026539999, "/run/docker/netns/ab"), path)]


def test_a_process_that_may_not_be_looked_into(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.me("init")
    host.process(812, "nginx", "web")
    inode = netns._inode

    def refuse(path: str) -> int:
        if "/812/" in path:
            raise PermissionError(EPERM, "")
        return inode(path)

    monkeypatch.setattr(netns, "_inode", refuse)
    monkeypatch.setattr(netns, "has_capability", lambda _: False)
    _, unseen = Namespaces(host.proc).search()
    reason = "CAP_SYS_PTRACE is missing: run as root of the host"
    assert unseen == [f"network namespaces of process 812: {reason}"]


def test_without_proc_there_is_our_own(tmp_path: Path) -> None:
    spaces, _ = Namespaces(tmp_path / "absent").search()
    assert [space.netns for space in spaces if space.netns.ours] == [RawNetns(0, ours=True)]


OURS = Namespace(RawNetns(0, ours=True), "")


def test_a_look_is_made_in_a_thread_of_its_own() -> None:
    assert inside(OURS, threading.get_ident) != threading.get_ident()


def test_a_look_that_hangs_is_left_alone() -> None:
    release = threading.Event()
    try:
        with pytest.raises(NoAnswerError, match=r"no answer in 0\.05 s: look again later"):
            inside(OURS, release.wait, 0.05)
    finally:
        release.set()


def test_where_a_look_hangs_no_other_is_made(host: Host) -> None:
    host.me("init")
    spaces, release = Namespaces(host.proc), threading.Event()
    begun: list[int] = []
    inode = netns.own_netns(host.proc)

    def look() -> int:
        begun.append(1)
        release.wait()
        return len(begun)

    try:
        for said in ("no answer in 0.05 s", "an earlier look has still no answer"):
            with pytest.raises(TimeoutError, match=said):
                spaces.in_one(inode, look, 0.05)
        assert len(begun) == 1
    finally:
        release.set()
    assert eventually(lambda: not any(thread.name == "netns" for thread in threading.enumerate()))
    assert spaces.in_one(inode, look, 5) == 2


def test_after_some_that_hang_the_rest_is_left_alone(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.me("init")
    for number in range(7):
        host.namespace(f"n{number}")
        host.name(f"n{number}")
    asked: list[str] = []

    def hang(namespace: Namespace, look: object, seconds: float) -> None:
        asked.append(namespace.netns.name)
        raise NoAnswerError(threading.current_thread(), "no answer")

    monkeypatch.setattr(netns, "inside", hang)
    looks, unseen = Namespaces(host.proc).everywhere(lambda _: 1)
    assert (looks, asked) == ([], ["", "n0", "n1"])
    assert unseen[-1] == "5 more network namespaces: 3 gave no answer"
    assert len(unseen) == 4


def test_what_a_look_raises_is_raised() -> None:
    def fail() -> None:
        raise ValueError("it")

    with pytest.raises(ValueError, match="it"):
        inside(OURS, fail)


def test_a_path_that_leads_to_another_namespace_by_now(tmp_path: Path) -> None:
    path = tmp_path / "net"
    path.touch()
    with pytest.raises(FileNotFoundError):
        inside(Namespace(RawNetns(1), str(path)), lambda: 1)


def test_everywhere_goes_on_after_one_that_fails(host: Host) -> None:
    host.me("init")
    host.namespace("a")
    host.name("a")
    host.process(5, "gone", "b")
    spaces = Namespaces(host.proc)

    def look(at: RawNetns) -> str:
        return at.name or "ours"

    looks, unseen = spaces.everywhere(look)
    # The files are no namespaces: setns(2) says EINVAL.
    assert [answer for _, answer in looks] == ["ours"]
    assert unseen[0] == "network namespace a: Invalid argument"
    assert unseen[1].endswith("of process 5: Invalid argument")


def test_words() -> None:
    assert words(RawNetns(7, "web", 812, "nginx")) == "network namespace web"
    assert words(RawNetns(7, "", 812, "nginx")) == "network namespace 7 of process 812"
    assert words(RawNetns(7)) == "network namespace 7"
