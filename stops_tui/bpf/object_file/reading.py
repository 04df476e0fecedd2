"""From a path, or from bytes, to what is in the object."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from stops_tui.bpf.object_file.elf import Elf, ElfError
from stops_tui.bpf.object_file.ext import BtfExt, read_btf_ext
from stops_tui.bpf.object_file.kfuncs import read_kfuncs
from stops_tui.bpf.object_file.maps import read_maps
from stops_tui.bpf.object_file.programs import functions, read_programs
from stops_tui.bpf.object_file.records import ObjectFile, ObjectFileError
from stops_tui.bpf.object_file.struct_ops import has_struct_ops, read_struct_ops
from stops_tui.bpf.object_file.types import Words, read_btf
from stops_tui.btf import BtfError

LARGEST: Final = 1 << 26
"""Bytes of a file; the largest that people compile, with all debug info, have a sixth."""


def read(path: str) -> ObjectFile:
    """What is in this file.

    Raises:
        ObjectFileError: It cannot be read, or is no BPF object, or a corrupt one.
    """
    if not path:
        raise ObjectFileError(path, "it names no file")
    try:
        _check_kind(Path(path).stat(), path)  # to open a device may be enough to change it
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            _check_kind(found, path)
            data = file.read(found.st_size)
    except OSError as error:
        raise ObjectFileError(path, error.strerror or str(error)) from error
    except ValueError as error:  # a NUL in the path
        raise ObjectFileError(path, str(error)) from error
    return parse(data, path)


def parse(data: bytes, path: str) -> ObjectFile:
    """What is in these bytes.

    Args:
        data: The whole file.
        path: What to call it.

    Raises:
        ObjectFileError: It is no BPF object, or a corrupt one.
    """
    try:
        return _parsed(data, path)
    except (ElfError, BtfError) as error:
        raise ObjectFileError(path, str(error)) from error


def _check_kind(found: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise ObjectFileError(path, "it is a directory")
    if not stat.S_ISREG(found.st_mode):
        raise ObjectFileError(path, "it is no regular file")
    if not found.st_size:
        raise ObjectFileError(path, "it is empty")
    if found.st_size > LARGEST:
        raise ObjectFileError(path, f"it has {found.st_size:,} bytes, more than {LARGEST:,}")


def _parsed(data: bytes, path: str) -> ObjectFile:
    elf = Elf(data)
    btf = read_btf(elf)
    if btf is None and has_struct_ops(elf):
        raise ElfError("its struct_ops cannot be told without BTF: compile it with -g")
    words = Words(btf) if btf else None
    ext = read_btf_ext(elf, btf) if btf else BtfExt({}, 0)
    return ObjectFile(
        path=path,
        data=data,
        byteorder=elf.byteorder,
        license=_license(elf),
        sections=tuple(section.name for section in elf.sections if section.name),
        btf=btf,
        programs=read_programs(elf, ext, words),
        struct_ops=read_struct_ops(elf, btf, words, functions(elf)) if btf and words else (),
        maps=read_maps(elf, btf),
        kfuncs=read_kfuncs(elf, btf) if btf else (),
        core_relocations=ext.core_relocations,
    )


def _license(elf: Elf) -> str:
    section = elf.section("license")
    if section is None or not section.is_data:
        return ""
    return elf.content(section)[:128].split(b"\0", 1)[0].decode(errors="backslashreplace")
