"""Which BPF objects are kept alive by a path: a walk over every bpffs mounted here."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import BPF_F_RDONLY, Bpf, opened
from stops_tui.kernels.kernel import ObjectKind, RawPin
from stops_tui.kernels.live.fdinfo import object_behind
from stops_tui.kernels.live.mounts import Mount, mounts

MOST_PINS = 20_000
"""Where a walk gives up: far more than any host pins, little enough to be done in a second."""

DEEPEST = 32
"""Folders within folders that are walked into."""

_Inode = tuple[int, int]
_Object = tuple[ObjectKind, int]


class Pins:
    """Every path in a bpffs of this mount namespace, each opened once.

    An inode of a bpffs stands for one object as long as it exists, and its number is not given
    again (fs/inode.c: get_next_ino), so a path whose inode is known need not be opened.
    """

    def __init__(self) -> None:
        self._known: dict[_Inode, _Object] = {}

    def look(self) -> tuple[tuple[RawPin, ...], tuple[str, ...]]:
        """The pins, by path, and in words what could not be looked at."""
        there = sorted(mounts("bpf"), key=lambda mount: len(mount.root))
        walk = _Walk(self._known, frozenset(mount.point for mount in there))
        for mount in there:
            walk.mount(mount)
        self._known = walk.found
        return tuple(sorted(walk.pins, key=lambda pin: pin.path)), tuple(walk.unseen())


class _Walk:
    """One look at all mounts. `found` is what the next look may take as known."""

    def __init__(self, known: dict[_Inode, _Object], points: Collection[str]) -> None:
        self.pins: list[RawPin] = []
        self.found: dict[_Inode, _Object] = {}
        self._known = known
        self._points = points
        self._shown: Collection[_Inode] = ()
        self._bpf = Bpf()
        self._walked: list[Mount] = []
        self._hidden: list[Mount] = []
        self._refused: dict[str, list[str]] = {}
        self._covered = False
        self._beyond = False

    def mount(self, mount: Mount) -> None:
        """Take all pins under a mount, unless another mount has shown them already."""
        if any(_shows(walked, mount) for walked in self._walked):
            return
        if _device(mount.point) != mount.device:
            self._hidden.append(mount)
            return
        self._covered = False
        self._shown = frozenset(self.found)
        for entry in self._files(mount):
            if len(self.pins) == MOST_PINS:
                self._beyond = True
                break
            self._pin(mount.device, entry)
        if not self._covered:
            self._walked.append(mount)

    def unseen(self) -> Iterator[str]:
        """What stays unknown, in words."""
        for mount in self._hidden:
            if not any(_shows(walked, mount) for walked in self._walked):
                yield f"pins under {mount.point}: another mount covers that bpffs"
        for reason, paths in self._refused.items():
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            yield f"{paths[0]}{more}: {reason}"
        if self._beyond:
            yield f"pins beyond the first {MOST_PINS}, or more than {DEEPEST} folders deep"

    def _files(self, mount: Mount) -> Iterator[os.DirEntry[str]]:
        """All files of one bpffs; a mount inside of it is left to its own line of mountinfo."""
        folders = [(mount.point, 0)]
        while folders:
            path, depth = folders.pop()
            try:
                with os.scandir(path) as entries:
                    for entry in entries:
                        if entry.is_file(follow_symlinks=False):
                            yield entry
                        elif entry.is_dir(follow_symlinks=False):
                            folders += self._deeper(mount, entry.path, depth)
            except FileNotFoundError:
                continue  # removed meanwhile: normal
            except OSError as error:
                self._refuse(path, error.strerror or str(error))

    def _deeper(self, mount: Mount, path: str, depth: int) -> list[tuple[str, int]]:
        if path in self._points or _device(path) != mount.device:
            self._covered = True
            return []
        if depth == DEEPEST:
            self._beyond = True
            return []
        return [(path, depth + 1)]

    def _pin(self, device: int, entry: os.DirEntry[str]) -> None:
        inode = device, entry.inode()
        if inode in self._shown:
            return  # by another mount; within one, an inode has several paths: hard links
        known = self.found.get(inode) or self._known.get(inode)
        try:
            found = known or self._object(entry.path)
        except BpfError as error:
            if error.errno_name != "ENOENT":
                self._refuse(entry.path, error.cause or error.errno_name)
        except OSError as error:
            self._refuse(entry.path, error.strerror or str(error))
        else:
            if found:
                self.found[inode] = found
                self.pins.append(RawPin(entry.path, *found))

    def _object(self, path: str) -> _Object | None:
        """Open a pin, see what it is, close it: an open map would stay alive after its last pin."""
        with opened(self._open(path)) as fd:
            return object_behind(fd)

    def _refuse(self, path: str, reason: str) -> None:
        self._refused.setdefault(reason, []).append(path)

    def _open(self, path: str) -> int:
        try:
            return self._bpf.obj_get(path)
        except BpfError as error:
            if error.errno_name not in ("EACCES", "EPERM"):
                raise
            # A map's file mode may allow to read it only; programs and links know no such mode.
            return self._bpf.obj_get(path, BPF_F_RDONLY)


def _shows(walked: Mount, mount: Mount) -> bool:
    """Whether all that is under `mount` is under `walked` too."""
    root = walked.root.rstrip("/") + "/"
    return walked.device == mount.device and (mount.root + "/").startswith(root)


def _device(path: str) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_dev  # noqa: PTH116 (no Path an entry)
    except OSError:
        return -1
