"""The kernels of the matrix: stock Debian kernels, fetched once and kept in a cache."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.vm import modules
from tests.vm.debian import Archive
from tests.vm.vmlinux import btf, unpacked

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stops-tui/kernels"

MATRIX = {
    "6.1": None,
    "6.12": None,
    "6.18": "linux-image-6.18.15+deb13-amd64",
    "7.2": "linux-image-7.2.12+deb13-amd64",
    "7.3": "linux-image-7.3.4+deb13-amd64",
}
"""Name → the package it is pinned to, if it is. Without a pin, and where the pin is gone from the
archive, the newest of this name is taken; else of the next newer kernel there is."""


@dataclass(frozen=True)
class Kernel:
    """A kernel that is ready to boot.

    Attributes:
        name: Its name in the matrix.
        package: The Debian package it is of.
    """

    name: str
    package: str

    @property
    def folder(self) -> Path:
        """Where all of it is kept; its lib/modules are in it."""
        return CACHE / self.package

    @property
    def vmlinux(self) -> Path:
        """The kernel, as an ELF file."""
        return self.folder / "vmlinux"

    @property
    def btf(self) -> Path:
        """Its types, as /sys/kernel/btf/vmlinux has them when it runs."""
        return self.folder / "btf"

    @property
    def release(self) -> str:
        """What uname -r says."""
        return self.package.removeprefix("linux-image-")


def ready(names: list[str]) -> list[Kernel]:
    """These kernels, fetched where the cache has none."""
    CACHE.mkdir(parents=True, exist_ok=True)
    cached = [path.name for path in CACHE.glob("linux-image-*")]
    kernels = {name: Kernel(name, package) for name in names if (package := _cached(name, cached))}
    absent = [name for name in names if name not in kernels]
    if absent:
        with TemporaryDirectory(dir=CACHE, prefix="fetch.") as folder:
            archive = Archive(Path(folder))
            offered = archive.names(r"linux-image-[0-9][0-9.]*[-+][a-z0-9]+-amd64")
            for name in absent:
                kernels[name] = Kernel(name, chosen(name, offered))
                if not kernels[name].folder.exists():  # the one that stands in for its pin
                    _fetch(kernels[name], archive)
    return [kernels[name] for name in names]


def chosen(name: str, packages: list[str]) -> str:
    """The package to take for a name of the matrix.

    Raises:
        LookupError: There is none that is as new.
    """
    pin = MATRIX[name]
    if pin in packages:
        return pin
    new_enough = [package for package in packages if _version(package)[:2] >= _version(name)]
    if not new_enough:
        raise LookupError(f"no Debian package of a kernel {name} or newer")
    nearest = min(_version(package)[:2] for package in new_enough)
    return max((p for p in new_enough if _version(p)[:2] == nearest), key=_version)


def _cached(name: str, cached: list[str]) -> str | None:
    """The package to take of those that were fetched: the pin, or without one the newest."""
    if pin := MATRIX[name]:
        return pin if pin in cached else None
    own = [package for package in cached if _version(package)[:2] == _version(name)]
    return chosen(name, own) if own else None


def _version(name: str) -> tuple[int, ...]:
    """The numbers in a name, to compare: 6.1.0-56 is (6, 1, 0, 56, ...)."""
    return tuple(int(number) for number in re.findall(r"\d+", name))


def _fetch(kernel: Kernel, archive: Archive) -> None:
    print(f"{kernel.name:<5} fetching {kernel.package}", flush=True)
    needed = archive.depends(kernel.package)
    # Since 6.19 the kernel and its modules are packages of their own.
    parts = [name for name in needed if name.startswith(("linux-binary-", "linux-modules-"))]
    packages, made = archive.folder / "packages", archive.folder / "made"
    archive.unpack(parts or [kernel.package], packages)
    modules.gather(packages, made)
    image = next(packages.glob("**/vmlinuz*"))
    vmlinux = unpacked(image.read_bytes())
    (made / "vmlinux").write_bytes(vmlinux)
    (made / "btf").write_bytes(btf(vmlinux))
    shutil.rmtree(packages)
    made.rename(kernel.folder)
