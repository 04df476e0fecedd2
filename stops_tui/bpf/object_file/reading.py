"""From a path, or from bytes, to what is in the object."""

from __future__ import annotations

from stops_tui.bpf.object_file.records import ObjectFile


def read(path: str) -> ObjectFile:
    """What is in this file.

    Raises:
        ObjectFileError: It cannot be read, or is no BPF object, or a corrupt one.
    """
    raise NotImplementedError(path)


def parse(data: bytes, path: str) -> ObjectFile:
    """What is in these bytes.

    Args:
        data: The whole file.
        path: What to call it.

    Raises:
        ObjectFileError: It is no BPF object, or a corrupt one.
    """
    raise NotImplementedError(path)
