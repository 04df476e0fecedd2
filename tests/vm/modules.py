"""The kernel modules that a guest has: those it boots with, and those that tests ask for."""

from __future__ import annotations

import lzma
import re
import subprocess
from pathlib import Path

BOOT = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")
"""What `init` needs; it loads them in this order."""

FOR_TESTS = (
    *("hid", "hid_generic", "uhid"),
    *("dummy", "veth"),
    *("sch_fq", "sch_htb", "sch_ingress", "sch_prio", "sch_tbf", "cls_basic"),
    *("inet_diag", "tcp_diag"),
)
"""What `modprobe`, and the kernel by itself, find; all with what they depend on."""


def gather(packages: Path, into: Path) -> None:
    """Copy a kernel's modules of this page out of its unpacked packages, ready for modprobe.

    One that is built in or that this kernel has not is passed over.

    Args:
        packages: Where the packages were unpacked.
        into: The folder to make; lib/modules/RELEASE in it is as modprobe wants it.
    """
    tree = next(packages.glob("**/lib/modules/*/"))
    paths = {_name(path): path for path in tree.glob("kernel/**/*.ko*")}
    target = into / "lib/modules" / tree.name
    target.mkdir(parents=True)
    todo = list(BOOT + FOR_TESTS)
    while todo:
        name = todo.pop()
        module = target / f"{name}.ko"
        if name in paths and not module.exists():
            content = _content(paths[name])
            module.write_bytes(content)
            todo += _needed(content)
    for known in tree.glob("modules.builtin*"):
        (target / known.name).write_bytes(known.read_bytes())
    subprocess.run(["busybox", "depmod", "-b", into, tree.name], check=True)


def _name(path: Path) -> str:
    return path.name.partition(".")[0].replace("-", "_")


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def _needed(module: bytes) -> list[str]:
    """The names of other modules in a module's own information (modinfo)."""
    hard = re.findall(rb"\0depends=([^\0]*)", module)
    soft = re.findall(rb"\0softdep=pre: ([^\0]*)", module)
    names = re.split(r"[ ,]+", b",".join(hard + soft).decode())
    return [name.replace("-", "_") for name in names if name]
