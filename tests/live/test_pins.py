"""Real pins, in a bpffs that only a private mount namespace has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.live import Kit

# Runs in the private mount namespace. `look()` prints what Pins sees, one JSON line a look.
PROLOGUE = """
import json, os, subprocess, sys
from stops_tui.bpf.syscall import Bpf
from stops_tui.kernels.live.pins import Pins
root, *fds = sys.argv[1:]
fds = [int(fd) for fd in fds]
bpf, looker = Bpf(), Pins()
def mount(*args):
    subprocess.run(["mount", *args], check=True)
def mount_bpffs(point):
    os.makedirs(point, exist_ok=True)
    mount("-t", "bpf", "bpf", point)
def look():
    pins, unseen = looker.look()
    print(json.dumps([[[p.path, p.kind, p.id] for p in pins], list(unseen)]))
"""

PRIVATE = ("unshare", "--mount", "--propagation", "private")


def in_bpffs(script: str, root: Path, *fds: int) -> list[Any]:
    """Run `script` in a private mount namespace; what it printed, each line as JSON."""
    answer = subprocess.run(
        [*PRIVATE, sys.executable, "-c", PROLOGUE + script, str(root), *map(str, fds)],
        capture_output=True,
        text=True,
        check=False,
        pass_fds=fds,
    )
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines() if line]


def test_maps_programs_and_links_in_folders(kit: Kit, tmp_path: Path) -> None:
    script = """
mount_bpffs(root)
os.makedirs(f"{root}/a b/c")
bpf.obj_pin(fds[0], f"{root}/a b/c/map")
bpf.obj_pin(fds[1], f"{root}/a b/prog")
bpf.obj_pin(fds[2], f"{root}/link")
os.symlink("link", f"{root}/symlink")
look()
"""
    root = tmp_path / "b p\\f"
    with kit.program() as prog_fd, kit.tcp_map(link=True) as ops, ops.link() as link:
        ((pins, unseen),) = in_bpffs(script, root, ops.fd, prog_fd, link.fd)
        assert pins == [
            [f"{root}/a b/c/map", "map", ops.id],
            [f"{root}/a b/prog", "prog", kit.bpf.prog_get_info_by_fd(prog_fd).id],
            [f"{root}/link", "link", link.id],
        ]
        assert unseen == []


@pytest.mark.skipif(not shutil.which("bpftool"), reason="bpftool is missing")
def test_the_same_pins_as_bpftool_shows(kit: Kit, tmp_path: Path) -> None:
    script = """
mount_bpffs(root)
os.mkdir(f"{root}/tc")
bpf.obj_pin(fds[0], f"{root}/tc/one")
bpf.obj_pin(fds[0], f"{root}/two")
bpf.obj_pin(fds[1], f"{root}/three")
look()
print(subprocess.run(["bpftool", "-jf", "map", "show"], capture_output=True, text=True).stdout)
"""
    with kit.tcp_map(state="INIT") as one, kit.tcp_map(state="INIT") as other:
        (pins, _), shown = in_bpffs(script, tmp_path, one.fd, other.fd)
        ours: dict[int, list[str]] = defaultdict(list)
        for path, _kind, map_id in pins:
            ours[map_id].append(path)
        theirs = {found["id"]: sorted(found["pinned"]) for found in shown if found.get("pinned")}
        assert theirs == dict(ours)
        assert set(theirs) == {one.id, other.id}


def test_pins_that_move_and_go_between_looks(kit: Kit, tmp_path: Path) -> None:
    script = """
mount_bpffs(root)
bpf.obj_pin(fds[0], f"{root}/x")
look()
os.unlink(f"{root}/x")
bpf.obj_pin(fds[1], f"{root}/x")
look()
os.rename(f"{root}/x", f"{root}/y")
look()
os.unlink(f"{root}/y")
look()
"""
    with kit.tcp_map(state="INIT") as one, kit.tcp_map(state="INIT") as other:
        looks = in_bpffs(script, tmp_path, one.fd, other.fd)
        assert [pins for pins, _ in looks] == [
            [[f"{tmp_path}/x", "map", one.id]],
            [[f"{tmp_path}/x", "map", other.id]],
            [[f"{tmp_path}/y", "map", other.id]],
            [],
        ]


def test_one_bpffs_mounted_twice_counts_once(kit: Kit, tmp_path: Path) -> None:
    script = """
mount_bpffs(f"{root}/first")
os.mkdir(f"{root}/first/tc")
bpf.obj_pin(fds[0], f"{root}/first/tc/x")
os.mkdir(f"{root}/second")
mount("--bind", f"{root}/first/tc", f"{root}/second")
bpf.obj_pin(fds[0], f"{root}/first/z")
look()
os.mkdir(f"{root}/third")
mount("--bind", f"{root}/first", f"{root}/third")
mount_bpffs(f"{root}/first/tc")  # another bpffs inside of the first one
bpf.obj_pin(fds[0], f"{root}/first/tc/y")
look()
mount_bpffs(f"{root}/first")  # and one over it: it shows through a bind mount only
look()
subprocess.run(["umount", f"{root}/second", f"{root}/third"], check=True)
look()
"""
    with kit.tcp_map(state="INIT") as ops:
        looks = in_bpffs(script, tmp_path, ops.fd)
    paths = [[path.removeprefix(f"{tmp_path}/") for path, _, _ in pins] for pins, _ in looks]
    unseen = [words for _, words in looks]
    assert paths[0] == ["first/tc/x", "first/z"]
    assert unseen[0] == []
    assert paths[1] == ["first/tc/y", "first/z", "third/tc/x"]
    assert paths[2] == ["third/tc/x", "third/z"]
    assert paths[3] == []
    assert f"pins under {tmp_path}/first: another mount covers that bpffs" in unseen[3]


def test_a_hard_link_is_a_pin_of_its_own(kit: Kit, tmp_path: Path) -> None:
    """Else its other path would be told to be the last that keeps the object."""
    script = """
mount_bpffs(root)
bpf.obj_pin(fds[0], f"{root}/x")
os.link(f"{root}/x", f"{root}/y")
look()
look()
os.unlink(f"{root}/x")
look()
"""
    with kit.tcp_map(state="INIT") as ops:
        (first, _), (second, _), (last, _) = in_bpffs(script, tmp_path, ops.fd)
        x, y = ([f"{tmp_path}/{name}", "map", ops.id] for name in "xy")
    assert first == second == [x, y]
    assert last == [y]


def test_a_bpffs_mounted_within_itself_counts_once(kit: Kit, tmp_path: Path) -> None:
    script = """
mount_bpffs(root)
os.mkdir(f"{root}/a")
os.mkdir(f"{root}/b")
bpf.obj_pin(fds[0], f"{root}/a/x")
bpf.obj_pin(fds[0], f"{root}/b/hidden")
mount("--bind", f"{root}/a", f"{root}/b")
look()
"""
    with kit.tcp_map(state="INIT") as ops:
        ((pins, unseen),) = in_bpffs(script, tmp_path, ops.fd)
    assert [path for path, _, _ in pins] == [f"{tmp_path}/a/x"]
    assert unseen == []


def test_names_that_are_no_utf8_or_hold_escapes(kit: Kit, tmp_path: Path) -> None:
    script = r"""
mount_bpffs(root)
bpf.obj_pin(fds[0], root + os.fsdecode(b"/\xff\x1b[red]"))
look()
"""
    with kit.tcp_map(state="INIT") as ops:
        ((pins, unseen),) = in_bpffs(script, tmp_path, ops.fd)
        assert pins == [[f"{tmp_path}/\udcff\x1b[red]", "map", ops.id]]
        assert unseen == []


def test_a_pin_that_may_not_be_opened_is_said(kit: Kit, tmp_path: Path) -> None:
    """As an unprivileged user: the folders may be read, the pins may not."""
    script = """
mount_bpffs(root)
os.chmod(root, 0o755)
os.mkdir(f"{root}/closed", 0o700)
bpf.obj_pin(fds[0], f"{root}/x")
bpf.obj_pin(fds[0], f"{root}/y")
looker.look()
looker = Pins()
os.setresuid(65534, 65534, 65534)
look()
"""
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o011)
    with kit.tcp_map(state="INIT") as ops:
        ((pins, unseen),) = in_bpffs(script, tmp_path, ops.fd)
    assert pins == []
    assert f"{tmp_path}/closed: Permission denied" in unseen
    # The kernel itself may have put more in (CONFIG_BPF_PRELOAD: maps.debug, progs.debug).
    assert [words for words in unseen if re.search(r" and [1-9] more: the path is no", words)]


def test_walks_are_bounded(kit: Kit, tmp_path: Path) -> None:
    script = """
from stops_tui.kernels.live import pins
pins.MOST_PINS, pins.DEEPEST = 3, 2
mount_bpffs(root)
os.makedirs(f"{root}/a/b/c")
bpf.obj_pin(fds[0], f"{root}/a/b/c/too_deep")
look()
for number in range(5):
    bpf.obj_pin(fds[0], f"{root}/{number}")
look()
"""
    with kit.tcp_map(state="INIT") as ops:
        (deep, deep_words), (many, many_words) = in_bpffs(script, tmp_path, ops.fd)
    beyond = "pins beyond the first 3, or more than 2 folders deep"
    assert (deep, deep_words) == ([], [beyond])
    assert (len(many), many_words) == (3, [beyond])


def test_looking_keeps_nothing_alive(kit: Kit, tmp_path: Path) -> None:
    script = """
mount_bpffs(root)
fd = bpf.map_create(map_type=2, value_size=4, name="t_pinned")
map_id = bpf.map_get_info_by_fd(fd).id
bpf.obj_pin(fd, f"{root}/x")
os.close(fd)
look()
os.unlink(f"{root}/x")
import time
for _ in range(100):
    ids, last = [], 0
    while (last := bpf.map_get_next_id(last)) is not None:
        ids.append(last)
    if map_id not in ids:
        break
    time.sleep(0.01)
print(json.dumps(map_id in ids))
"""
    (pins, _), alive = in_bpffs(script, tmp_path)
    assert len(pins) == 1
    assert alive is False
