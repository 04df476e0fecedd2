"""The files that a guest starts from, as the kernel wants them: a cpio archive, made in memory."""

from __future__ import annotations

import stat
from itertools import count
from pathlib import Path
from shutil import which

HERE = Path(__file__).parent

Entry = tuple[str, int, bytes]
"""A path without a leading slash, a mode with the file's kind, and the content."""

_CONSOLE = (5, 1)
"""Major and minor number of /dev/console, the only device in it."""


def image(modules: Path, command: str) -> bytes:
    """An initramfs.

    Args:
        modules: The folder with lib/modules in it.
        command: The shell script to run in the guest.
    """
    tree = [path.relative_to(modules) for path in sorted(modules.glob("lib/**/*"))]
    return cpio(
        [
            *(_folder(name) for name in ("bin", "dev", "proc", "sys", "lib")),
            ("dev/console", stat.S_IFCHR | 0o600, b""),
            ("bin/busybox", stat.S_IFREG | 0o755, _busybox()),
            ("init", stat.S_IFREG | 0o755, (HERE / "init").read_bytes()),
            _file("session", (HERE / "session").read_bytes()),
            _file("command", command.encode()),
            *(_folder(str(path)) for path in tree if (modules / path).is_dir()),
            *(
                _file(str(path), (modules / path).read_bytes())
                for path in tree
                if (modules / path).is_file()
            ),
        ]
    )


def _folder(path: str) -> Entry:
    return path, stat.S_IFDIR | 0o755, b""


def _file(path: str, content: bytes) -> Entry:
    return path, stat.S_IFREG | 0o644, content


def _busybox() -> bytes:
    content = Path(which("busybox") or "/bin/busybox").read_bytes()
    if b"/ld-linux" in content:
        raise SystemExit("busybox needs libraries, which a guest has not: install busybox-static")
    return content


def cpio(entries: list[Entry]) -> bytes:
    """The "newc" format of Documentation/driver-api/early-userspace/buffer-format.rst."""
    inodes = count(1)
    packed = bytearray()
    for path, mode, content in [*entries, ("TRAILER!!!", 0, b"")]:
        name = path.encode() + b"\0"
        major, minor = _CONSOLE if stat.S_ISCHR(mode) else (0, 0)
        fields = (
            *(
                next(inodes),
                mode,
                0,
                0,
                1,
                0,
                len(content),
            ),  # inode, mode, uid, gid, links, time, size
            *(0, 0, major, minor, len(name), 0),  # device; the device it is; name; checksum
        )
        packed += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        packed += bytes(-len(packed) % 4) + content
        packed += bytes(-len(packed) % 4)
    return bytes(packed)
