"""The BTF of the running kernel, of its modules, and of programs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from errno import ENOENT
from mmap import MAP_PRIVATE, PROT_READ, mmap
from pathlib import Path
from typing import Any, cast, overload

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import BtfInfo
from stops_tui.bpf.syscall import Bpf, opened
from stops_tui.btf import Btf, BtfError
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.kernels.live.objects import NewIds
from stops_tui.kernels.live.sysfs import KERNEL_BTF, VMLINUX

_MOST_KEPT = 64
"""How many programs' BTF objects are kept; they are some KB each, seldom more."""


class _Mapped(mmap):
    """A file's content as the kernel's own pages; told to another process, it is mapped anew."""

    path: Path

    def __reduce__(self) -> tuple[Callable[[Path], bytes], tuple[Path]]:
        return _mapped, (self.path,)


def _mapped(path: Path) -> bytes:
    """A file's content: the kernel's own pages where it maps them (since 6.16), else a copy.

    Only a private mapping is given (kernel/bpf/sysfs_btf.c: btf_sysfs_vmlinux_mmap).
    """
    with path.open("rb") as file:
        try:
            mapped = _Mapped(file.fileno(), 0, flags=MAP_PRIVATE, prot=PROT_READ)
        except (OSError, ValueError):
            return file.read()
    mapped.path = path
    return cast("bytes", mapped)  # is read as bytes are: by index, slice, find and buffer


class Btfs:
    """Reads each BTF once, when it is asked for. Safe for several threads, each with its `Bpf`.

    vmlinux's 5 MB come from sysfs; a module's come by its id, which names one load of the module
    where its name in sysfs may have passed to the next.
    """

    def __init__(self, sysfs: Path = KERNEL_BTF) -> None:
        self._sysfs = sysfs
        self._lock = threading.RLock()
        self._vmlinux: KernelBtf | None = None
        self._modules: dict[int, KernelBtf] = {}
        self._programs: OrderedDict[int, Btf] = OrderedDict()
        self._new_ids = NewIds(_next_btf)
        self._unlooked: list[int] = []
        self._module_ids: set[int] = set()

    def __getstate__(self) -> dict[str, Any]:
        """What is told to another process: all but the lock."""
        with self._lock:
            return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock())

    def by_id(self, bpf: Bpf, btf_id: int) -> Btf | None:
        """The BTF object of this id; None if it is gone."""
        with self._lock:
            if (program := self._programs.get(btf_id)) is not None:
                self._programs.move_to_end(btf_id)
                return program
            if (vmlinux := self.vmlinux(bpf)).id == btf_id:
                return vmlinux.btf
            return self._read(bpf, btf_id)

    def vmlinux(self, bpf: Bpf) -> KernelBtf:
        """The BTF of the kernel itself. OSError: it has none."""
        with self._lock:
            if self._vmlinux is None:
                btf = Btf.parse(_mapped(self._sysfs / VMLINUX))
                self._vmlinux = KernelBtf(VMLINUX, _vmlinux_id(bpf), btf)
            return self._vmlinux

    def kernel(self, bpf: Bpf) -> Sequence[KernelBtf]:
        """vmlinux, then every module with BTF by id; each is read when it is reached."""
        return _Lazily(self._kernel(bpf))

    def _kernel(self, bpf: Bpf) -> Iterator[KernelBtf]:
        yield self.vmlinux(bpf)
        for btf_id in self._find_modules(bpf):
            with self._lock:
                if not self._there(bpf, btf_id):
                    self._module_ids.discard(btf_id)
                    continue
                module = self._modules[btf_id]
            yield module

    def _there(self, bpf: Bpf, btf_id: int) -> bool:
        """Whether a module is still loaded; one with unreadable BTF hides no other."""
        try:
            return self.by_id(bpf, btf_id) is not None
        except BtfError:
            return False

    def _find_modules(self, bpf: Bpf) -> list[int]:
        """The BTF ids of modules, rising; every BTF object is looked at once to learn them."""
        with self._lock:
            if not any(path.name != VMLINUX for path in self._sysfs.iterdir()):
                return []
            self._unlooked += self._new_ids.look(bpf)
            while self._unlooked:  # where one fails, the next call goes on with it
                info = _info(bpf, self._unlooked[-1])
                btf_id = self._unlooked.pop()
                if info and info.kernel and info.name != VMLINUX:
                    self._module_ids.add(btf_id)
            return sorted(self._module_ids)

    def _read(self, bpf: Bpf, btf_id: int) -> Btf | None:
        try:
            with opened(bpf.btf_get_fd_by_id(btf_id)) as fd:
                return self._open(bpf, fd)
        except BpfError as error:
            if error.errno != ENOENT:
                raise
            self._modules.pop(btf_id, None)
            return None

    def _open(self, bpf: Bpf, fd: int) -> Btf:
        info = bpf.btf_get_info_by_fd(fd)
        if info.kernel:
            if info.id not in self._modules:
                btf = Btf.parse(bpf.btf_get_data_by_fd(fd), self.vmlinux(bpf).btf)
                self._modules[info.id] = KernelBtf(info.name, info.id, btf)
            return self._modules[info.id].btf
        self._programs[info.id] = btf = Btf.parse(bpf.btf_get_data_by_fd(fd))
        if len(self._programs) > _MOST_KEPT:
            self._programs.popitem(last=False)
        return btf


class _Lazily(Sequence[KernelBtf]):
    """A sequence that is read as far as it is looked at."""

    def __init__(self, items: Iterator[KernelBtf]) -> None:
        self._items = items
        self._read: list[KernelBtf] = []

    @overload
    def __getitem__(self, index: int) -> KernelBtf: ...
    @overload
    def __getitem__(self, index: slice) -> list[KernelBtf]: ...
    def __getitem__(self, index: int | slice) -> KernelBtf | list[KernelBtf]:
        if isinstance(index, slice) or index < 0:
            return self._all()[index]
        while len(self._read) <= index and (item := next(self._items, None)):
            self._read.append(item)
        return self._read[index]

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> list[KernelBtf]:
        self._read += self._items
        return self._read


def _next_btf(bpf: Bpf, after: int) -> int | None:
    return bpf.btf_get_next_id(after)


def _vmlinux_id(bpf: Bpf) -> int:
    """The id of vmlinux's BTF, mostly the lowest; 0 before 5.11, where it has none."""
    btf_id = bpf.btf_get_next_id(0)
    while btf_id is not None:
        info = _info(bpf, btf_id)
        if info and info.kernel and info.name == VMLINUX:
            return btf_id
        btf_id = bpf.btf_get_next_id(btf_id)
    return 0


def _info(bpf: Bpf, btf_id: int) -> BtfInfo | None:
    try:
        with opened(bpf.btf_get_fd_by_id(btf_id)) as fd:
            return bpf.btf_get_info_by_fd(fd)
    except BpfError as error:
        if error.errno == ENOENT:
            return None
        raise
